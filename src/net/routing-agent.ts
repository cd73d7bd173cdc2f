import https from "node:https";
import { Agent, type AgentConnectOpts } from "agent-base";
import { HttpsProxyAgent } from "https-proxy-agent";
import { trustedRoots } from "./tls-roots.ts";
import { webProxyFor } from "./web-proxy.ts";
import { webProxyRefusal, webProxyUnreachable } from "./web-proxy-failure.ts";

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Chooses between the web proxy and a direct connection for each host: the AWS SDK uses one agent for the control
 * plane and for the hosts its credential chain asks.
 */
export class RoutingAgent extends Agent {
  readonly #ca: readonly string[];
  readonly #env: Env;
  readonly #isAlone: boolean;
  readonly #agents = new Map<string, https.Agent>();

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

  override async connect(_request: unknown, options: AgentConnectOpts): Promise<https.Agent> {
    const { host = "localhost", port = 443 } = options as { host?: string; port?: number };
    const proxy = webProxyFor(host, Number(port), this.#env);
    const key = proxy?.href ?? "";
    const agent = this.#agents.get(key) ?? this.#makeAgent(proxy);
    this.#agents.set(key, agent);
    return agent;
  }

  override destroy(): void {
    for (const agent of this.#agents.values()) {
      agent.destroy();
    }
    super.destroy();
  }

  #makeAgent(proxy: URL | undefined): https.Agent {
    const ca = this.#isAlone ? [...this.#ca] : trustedRoots(this.#ca);
    if (proxy === undefined) {
      return new https.Agent({ ca });
    }
    const agent = new WebProxyAgent(proxy, { ca });
    // Its constructor options are for the proxy alone; those of the endpoint behind it are read from here.
    Object.assign(agent.options, { ca });
    return agent as unknown as https.Agent;
  }
}

/** Tells failures of the web proxy from answers of the host behind it: the library passes its refusals on as these. */
class WebProxyAgent extends HttpsProxyAgent<string> {
  override async connect(
    request: Parameters<HttpsProxyAgent<string>["connect"]>[0],
    options: Parameters<HttpsProxyAgent<string>["connect"]>[1],
  ): ReturnType<HttpsProxyAgent<string>["connect"]> {
    let status = 0;
    request.once("proxyConnect", (answer: { readonly statusCode: number }) => {
      status = answer.statusCode;
    });
    const socket = await super.connect(request, options).catch((error: unknown) => {
      throw webProxyUnreachable(this.proxy, error);
    });
    if (status === 200) return socket;
    socket.destroy();
    const { host, port } = options;
    throw webProxyRefusal(this.proxy, { host: host ?? "", port: Number(port) }, status);
  }
}
