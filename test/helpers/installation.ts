// A whole installation of real programs, each under a supervisor: the service, a broker, a device with an agent, a
// device with a proxy of its own, an operator's proxies for both, and what is carried between them.
import { join } from "node:path";
import { type Account, type Pace, TalkingService, talk } from "./conversations.ts";
import { type Mosquitto, startMosquitto } from "./mqtt.ts";
import { type LocalEndpoint, readEndpoint } from "./serve-local.ts";
import { freePort } from "./servers.ts";
import { Supervised } from "./supervised.ts";
import { tempDir } from "./temp-dir.ts";
import { runTunnel, startTunnel } from "./tunnel.ts";
import { waitFor } from "./wait.ts";

/** The one with the agent. */
export const THING = "pump-7";
const BACK_MS = 90_000;

/** One tunnel with a service on its device, and the programs at its two ends. */
export interface Carried {
  readonly name: "agent" | "proxies";
  readonly tunnelId: string;
  readonly source: Supervised;
  readonly destination: Supervised;
  readonly service: TalkingService;
  /** Where clients connect. */
  readonly port: number;
}

/** An account, and over which tunnel. */
export type Told = Account & { readonly over: Carried["name"] };

/** Something that can be killed and comes back. */
export interface Victim {
  readonly name: string;
  kill(): Promise<void>;
}

export interface Installation extends AsyncDisposable {
  readonly stateDir: string;
  readonly endpoint: LocalEndpoint;
  /** Arguments that make any command use its service. */
  readonly local: readonly string[];
  readonly serveLocal: Supervised;
  readonly carried: readonly Carried[];
  readonly victims: readonly Victim[];
  /** What every end of every conversation had to say, in the order of their ends. */
  readonly accounts: Told[];
  /** Talks over one of the tunnels, once, under a number that no other conversation has. */
  talk(over: Carried): Promise<Account>;
}

/**
 * Starts all of it and waits until both tunnels carry. `reach` may put something between the programs and the ports of
 * data plane and broker; it is asked once for each.
 */
export async function startInstallation(options: {
  readonly pace: Pace;
  readonly proxyArgs?: readonly string[];
  readonly reach?: (port: number, stack: AsyncDisposableStack) => Promise<number>;
}): Promise<Installation> {
  const stack = new AsyncDisposableStack();
  try {
    const installation = await new Builder(stack, options).build();
    return { ...installation, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

class Builder {
  readonly #stack: AsyncDisposableStack;
  readonly #pace: Pace;
  readonly #proxyArgs: readonly string[];
  readonly #reach: (port: number) => Promise<number>;
  readonly #home: string;
  readonly #stateDir: string;
  readonly #accounts: Told[] = [];

  constructor(stack: AsyncDisposableStack, options: Parameters<typeof startInstallation>[0]) {
    const { pace, proxyArgs = [], reach } = options;
    this.#stack = stack;
    this.#pace = pace;
    this.#proxyArgs = proxyArgs;
    this.#reach = async (port) => (reach === undefined ? port : reach(port, stack));
    this.#home = stack.adopt(tempDir(), (dir) => dir[Symbol.dispose]()).path;
    this.#stateDir = join(this.#home, "local");
  }

  async build(): Promise<Omit<Installation, typeof Symbol.asyncDispose>> {
    const broker = this.#stack.use(await startMosquitto());
    const serveLocal = await this.#serve(broker);
    const endpoint = readEndpoint(this.#stateDir);
    const dataPlane = await this.#reach(Number(new URL(endpoint.controlPlane).port));
    const carried = [await this.#carryByAgent(broker, dataPlane), await this.#carryByProxies(dataPlane)];
    const programs = [serveLocal, ...carried.flatMap(({ source, destination }) => [source, destination])];
    let number = 0;
    const installation = {
      stateDir: this.#stateDir,
      endpoint,
      local: ["--local", this.#stateDir],
      serveLocal,
      carried,
      victims: [...programs, { name: "broker", kill: () => killBroker(broker) }],
      accounts: this.#accounts,
      talk: async ({ port, name }: Carried) => {
        const account = await talk({ port }, ++number, this.#pace);
        this.#accounts.push({ ...account, over: name });
        return account;
      },
    };
    for (const each of carried) await waitUntilCarried(installation, each);
    return installation;
  }

  async #serve(broker: Mosquitto): Promise<Supervised> {
    const { caPath, certificatePath, keyPath } = await broker.identity("serve-local");
    const mqtt = ["--mqtt-broker", `mqtts://${broker.mqtt}`, "--mqtt-ca", caPath];
    const identity = ["--mqtt-cert", certificatePath, "--mqtt-key", keyPath];
    const where = ["--listen", `127.0.0.1:${await freePort()}`, "--state-dir", this.#stateDir];
    const program = this.#supervise("serve-local", ["serve-local", "--json", ...where, ...mqtt, ...identity]);
    await program.process.waitForLine(/^\{/);
    return program;
  }

  async #carryByAgent(broker: Mosquitto, dataPlane: number): Promise<Carried> {
    const service = await this.#talkingService("agent");
    const { caPath, certificatePath, keyPath } = await broker.identity(THING);
    const [host, port] = broker.mqtt.split(":");
    const mqtt = ["--mqtt-endpoint", `${host}:${await this.#reach(Number(port))}`, "--ca", caPath];
    const identity = ["--cert", certificatePath, "--key", keyPath];
    const device = ["--thing", THING, "--map", `ECHO=${service.port}`, ...mqtt, ...identity];
    const agent = this.#supervise("agent", ["agent", ...device, ...this.#to(dataPlane), ...this.#proxyArgs]);
    await agent.process.waitForLine(/subscribed/, "stderr");
    const { tunnelId } = await this.#open("--thing", THING);
    return this.#carry({ name: "agent", tunnelId, destination: agent, service }, dataPlane);
  }

  async #carryByProxies(dataPlane: number): Promise<Carried> {
    const service = await this.#talkingService("proxies");
    const { tunnelId, destinationAccessToken } = await this.#open();
    const map = ["proxy", "destination", "-d", `ECHO=127.0.0.1:${service.port}`];
    const destination = this.#supervise("destination", [...map, ...this.#to(dataPlane), ...this.#proxyArgs], {
      AWSIOT_TUNNEL_ACCESS_TOKEN: destinationAccessToken,
    });
    return this.#carry({ name: "proxies", tunnelId, destination, service }, dataPlane);
  }

  async #carry(half: Omit<Carried, "source" | "port">, dataPlane: number): Promise<Carried> {
    const port = await freePort();
    const listen = ["proxy", "source", "-p", `ECHO=127.0.0.1:${port}`, "--tunnel", half.tunnelId];
    const words = [...listen, ...this.#to(dataPlane), ...this.#proxyArgs];
    return { ...half, port, source: this.#supervise(`source of ${half.name}`, words) };
  }

  async #talkingService(over: Carried["name"]): Promise<TalkingService> {
    const onEnd = (account: Account) => this.#accounts.push({ ...account, over });
    return this.#stack.use(await TalkingService.start(this.#pace, onEnd));
  }

  async #open(...args: readonly string[]): Promise<Record<"tunnelId" | "destinationAccessToken", string>> {
    const words = ["open", "--service", "ECHO", "--json", ...args, "--local", this.#stateDir];
    const { stdout, stderr } = await runTunnel(words, this.#env);
    if (stdout === "") throw new Error(`open failed: ${stderr}`);
    return JSON.parse(stdout);
  }

  get #env(): NodeJS.ProcessEnv {
    return { HOME: this.#home, XDG_STATE_HOME: join(this.#home, "state") };
  }

  #to(dataPlane: number): string[] {
    return ["--local", this.#stateDir, "--proxy-endpoint", `localhost:${dataPlane}`];
  }

  #supervise(name: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): Supervised {
    return this.#stack.use(new Supervised(name, () => startTunnel(words, { ...this.#env, ...env })));
  }
}

async function killBroker(broker: Mosquitto): Promise<void> {
  await broker.stop();
  await broker.restart();
}

/** Waits until a conversation that began after this call was whole; returns how long that took, in milliseconds. */
export async function waitUntilCarried(
  { talk: say }: Pick<Installation, "talk">,
  over: Carried,
): Promise<number> {
  const startedAt = performance.now();
  const isWhole = async () => (await say(over)).fate === "whole";
  await waitFor(`a whole conversation over ${over.name}`, isWhole, BACK_MS).catch((error: Error) => {
    const logs = [over.source, over.destination].map(({ name, process }) =>
      [`${name}:`, ...process.lines.stderr.slice(-10)].join("\n  "),
    );
    throw new Error([error.message, ...logs].join("\n"));
  });
  return performance.now() - startedAt;
}
