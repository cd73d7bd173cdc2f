// Agents as processes of their own, and in the test's own process.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { runAgent } from "../../src/agent/agent.ts";
import type { AgentEvent, AgentOptions } from "../../src/agent/agent-types.ts";
import { getLogger } from "../../src/base/log.ts";
import { addThing } from "../../src/emulator/notify/things.ts";
import { parseServiceMap } from "../../src/proxy/service-map.ts";
import type { Exit } from "./process.ts";
import type { ServeLocal } from "./serve-local.ts";
import { runTunnel, startTunnel } from "./tunnel.ts";
import { waitFor, within } from "./wait.ts";

type Kind = AgentEvent["event"];
type Told<K extends Kind> = Extract<AgentEvent, { event: K }>;

/** An agent of which a test sees every event. */
abstract class ObservedAgent implements AsyncDisposable {
  abstract readonly events: readonly AgentEvent[];
  abstract [Symbol.asyncDispose](): Promise<void>;

  /** All events of a kind so far. */
  told<K extends Kind>(kind: K): Told<K>[] {
    return this.events.filter((event): event is Told<K> => event.event === kind);
  }

  /** Event number `index` of a kind, from 0, as soon as it is there. */
  waitFor<K extends Kind>(kind: K, index = 0, timeoutMs = 15_000): Promise<Told<K>> {
    return waitFor(`event ${kind} ${index} of an agent`, () => this.told(kind)[index], timeoutMs).catch(
      (error) => {
        throw new Error(`${error.message}; it told: ${JSON.stringify(this.events.slice(-20))}`);
      },
    );
  }
}

/** The agent command with --json. */
export class AgentProcess extends ObservedAgent {
  readonly process: ReturnType<typeof startTunnel>;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    super();
    this.process = startTunnel(["agent", "--json", ...args], env);
  }

  get events(): AgentEvent[] {
    return this.process.lines.stdout.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  }

  kill(): Promise<Exit> {
    return this.process.kill();
  }

  stop(): Promise<Exit> {
    return this.process.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}

/** An agent in this process. */
export class LocalAgent extends ObservedAgent {
  readonly events: AgentEvent[] = [];
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();

  constructor(options: Omit<AgentOptions, "onEvent" | "signal" | "log">) {
    super();
    const { signal } = this.#stop;
    this.ended = runAgent({
      ...options,
      log: getLogger("test"),
      onEvent: (event) => this.events.push(event),
      signal,
    });
    this.ended.catch(() => {}); // whoever waits for it is told
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    return within("the end of an agent", this.ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {});
  }
}

/** An agent in this process for a thing of a serve-local with an embedded broker. */
export async function startLocalAgent(
  { endpoint, stateDir }: Pick<ServeLocal, "endpoint" | "stateDir">,
  thing: string,
  map: string,
  options: Partial<AgentOptions> & { readonly stateDirectory: string; readonly brokerPort?: number },
): Promise<LocalAgent> {
  const { certificatePath, keyPath } = await addThing(stateDir, thing);
  const ca = [readFileSync(endpoint.ca, "utf8")];
  const port = (address: string | undefined) => Number(address?.split(":").at(-1));
  return new LocalAgent({
    thing,
    serviceMap: parseServiceMap(map, "destination"),
    regions: [endpoint.region],
    dataPlaneOf: () => ({ host: "localhost", port: port(endpoint.dataPlane), ca }),
    broker: {
      address: async () => ({ host: "localhost", port: options.brokerPort ?? port(endpoint.mqtt), ca }),
      access: {
        type: "certificate",
        alpn: false,
        identity: () => ({
          certificate: readFileSync(certificatePath, "utf8"),
          key: readFileSync(keyPath, "utf8"),
        }),
      },
    },
    clientId: `${thing}-test`,
    mqttKeepaliveS: 30,
    maxTunnels: 20,
    graceMs: 0,
    proxy: { stallTimeoutMs: 10_000, lingerMs: 1_000, keepaliveMs: 10_000 },
    ...options,
  });
}

/** What `open --json` answers. */
export interface OpenedTunnel {
  readonly tunnelId: string;
  readonly sourceAccessToken: string;
  readonly destinationAccessToken: string;
}

/** Opens a tunnel for a thing at a serve-local. `home` keeps the tokens for a proxy source later. */
export async function openTunnel(
  server: ServeLocal,
  thing: string,
  services: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<OpenedTunnel> {
  const words = services.flatMap((service) => ["--service", service]);
  const { code, stdout, stderr } = await runTunnel(
    ["open", "--thing", thing, ...words, "--json", ...server.local],
    env,
  );
  if (code !== 0) throw new Error(`open failed: ${stderr}`);
  return JSON.parse(stdout);
}

/** Lets something happen that would have happened by now: for checks that it does not. */
export function pause(ms = 300): Promise<void> {
  return sleep(ms);
}
