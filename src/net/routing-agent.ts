import https from "node:https";
import type { Duplex } from "node:stream";
import { Agent, type AgentConnectOpts } from "agent-base";
import type { Env } from "../base/env.ts";
import { trustedRoots } from "./tls-roots.ts";
import { openTls } from "./transport.ts";
import { webProxyFor } from "./web-proxy.ts";

/**
 * How long a web proxy may take. A person waits for an answer here, so it is less than for a tunnel, and about what the
 * control plane's client waits for a connection.
 */
const WEB_PROXY_TIMEOUT_MS = 4_500;

/**
 * Chooses between the web proxy and a direct connection for each host: one agent serves the control plane and the
 * hosts that the credential chain asks.
 */
export class RoutingAgent extends Agent {
  readonly #ca: readonly string[];
  readonly #env: Env;
  readonly #isAlone: boolean;
  readonly #closed = new AbortController();
  #direct: https.Agent | undefined;

  /**
   * @param ca PEM certificates trusted besides the system's, or with `onlyThese` instead of them: some 300 roots take
   * as long to read as a call to this machine
   */
  constructor(ca: readonly string[], env: Env, options: { readonly onlyThese?: boolean } = {}) {
    super();
    this.#ca = ca;
    this.#env = env;
    this.#isAlone = options.onlyThese === true;
  }

  override async connect(_request: unknown, options: AgentConnectOpts): Promise<https.Agent | Duplex> {
    const { host = "localhost", port = 443 } = options as { host?: string; port?: number };
    const webProxy = webProxyFor(host, Number(port), this.#env);
    if (webProxy === undefined) {
      this.#direct ??= new https.Agent({ ca: this.#isAlone ? [...this.#ca] : trustedRoots(this.#ca) });
      return this.#direct;
    }
    return openTls({
      host,
      port: Number(port),
      ca: this.#ca,
      webProxy,
      webProxyLimitMs: WEB_PROXY_TIMEOUT_MS,
      signal: this.#closed.signal,
    });
  }

  /** Ends idle connections, and those that are still being made. */
  override destroy(): void {
    this.#closed.abort();
    this.#direct?.destroy();
    super.destroy();
  }
}
