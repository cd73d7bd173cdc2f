import https from "node:https";
import process from "node:process";
import { Agent, type AgentConnectOpts } from "agent-base";
import { HttpsProxyAgent } from "https-proxy-agent";
import { ControlPlane } from "../aws/control-plane.ts";
import { UnreachableError } from "../base/errors.ts";
import { trustedRoots } from "../net/tls-roots.ts";
import { webProxyFor } from "../net/web-proxy.ts";
import type { CommandContext } from "./command.ts";
import type { Env } from "./config/layers.ts";
import { serveLocalCommandFor } from "./config/local.ts";
import { resolveTarget, type Target } from "./target.ts";

/** A control plane for one command, and the target it was made for. */
export interface Connection {
  readonly controlPlane: ControlPlane;
  readonly target: Target;
}

/** Runs `work` with the control plane that the settings name, and closes it afterwards. */
export async function withControlPlane<T>(
  context: CommandContext,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const target = resolveTarget(context);
  const controlPlane = connect(target, context);
  try {
    return await work({ controlPlane, target });
  } catch (error) {
    throw target.local !== undefined && error instanceof UnreachableError
      ? notRunning(error, target.local.stateDir, context.env)
      : error;
  } finally {
    controlPlane.close();
  }
}

function connect(target: Target, { env, log, signal }: CommandContext): ControlPlane {
  if (target.profile !== undefined) {
    // The SDK looks the profile up in five places (credentials, region, endpoint, FIPS, dual-stack); only the
    // variable reaches all of them.
    process.env["AWS_PROFILE"] = target.profile;
  }
  return new ControlPlane({
    region: target.region,
    endpoint: target.endpointUrl,
    profile: target.local === undefined ? (target.profile ?? env["AWS_PROFILE"]) : undefined,
    agent: new RoutingAgent(target.ca, env) as unknown as https.Agent,
    dummyCredentials: target.local === undefined ? undefined : DUMMY_CREDENTIALS,
    log,
    signal,
  });
}

const DUMMY_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };

function notRunning(cause: UnreachableError, stateDir: string, env: Env): UnreachableError {
  return new UnreachableError(`${cause.message} (serve-local on "${stateDir}")`, {
    hint: serveLocalCommandFor(stateDir, env),
    cause,
  });
}

/**
 * Chooses between the web proxy and a direct connection for each host: the SDK uses one agent for the control plane
 * and for the hosts its credential chain asks.
 */
class RoutingAgent extends Agent {
  readonly #ca: readonly string[];
  readonly #env: Env;
  readonly #agents = new Map<string, https.Agent>();

  constructor(ca: readonly string[], env: Env) {
    super();
    this.#ca = ca;
    this.#env = env;
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
    const ca = trustedRoots(this.#ca);
    if (proxy === undefined) {
      return new https.Agent({ ca });
    }
    const agent = new HttpsProxyAgent(proxy, { ca });
    // Its constructor options are for the proxy alone; those of the endpoint behind it are read from here.
    Object.assign(agent.options, { ca });
    return agent as unknown as https.Agent;
  }
}
