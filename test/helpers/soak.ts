// An installation that carries for a long time over bad wires, with rotations and calls to the control plane, while it
// is watched for what it loses and for what it never gives back.
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../sim/random.ts";
import { callOperation } from "./emulator.ts";
import {
  type Carried,
  type Installation,
  startInstallation,
  type Told,
  waitUntilCarried,
} from "./installation.ts";
import { Ledger, type LedgerCounts } from "./ledger.ts";
import { type Growth, Trend } from "./trend.ts";
import { Wire } from "./wire.ts";

const PACE = { bytes: 512 * 1024, bytesPerSecond: 1024 * 1024 };
const TALKERS_EACH = 2;
/** Dead links are noticed after five seconds, so that a soak of minutes sees many. */
const PROXY_ARGS = ["--keepalive", "2s"];
const SAMPLE_MS = 5_000;
const ROTATE_MS = 15_000;
const WRITE_EVERY_MS = 200;
const MOST_TUNNELS = 200;
/** Part of the run that does not count for the slopes. */
const WARM_UP = 0.25;

export interface SoakReport {
  readonly growth: Readonly<Record<string, Growth>>;
  readonly conversations: { readonly whole: number; readonly reset: number; readonly refused: number };
  readonly bytes: number;
  readonly troubles: Readonly<Record<string, number>>;
  readonly rotations: number;
  /** From the end of the last trouble until both tunnels had carried, milliseconds. */
  readonly backMs: number;
  readonly ledger: LedgerCounts;
  /** What was lost, or ended by itself, in sentences. */
  readonly wrong: readonly string[];
}

/** Runs for `ms` milliseconds; `seed` decides over the weather. */
export async function soak(ms: number, seed: number): Promise<SoakReport> {
  await using soaking = new Soak(ms, seed);
  return await soaking.run();
}

class Soak implements AsyncDisposable {
  readonly #ms: number;
  readonly #random: Random;
  readonly #stop = new AbortController();
  readonly #wires: Wire[] = [];
  readonly #trends = new Map<string, Trend>();
  readonly #troubles: Record<string, number> = {};
  readonly #stack = new AsyncDisposableStack();
  #rotations = 0;
  #backMs = Number.NaN;

  constructor(ms: number, seed: number) {
    this.#ms = ms;
    this.#random = new Random(seed);
  }

  async run(): Promise<SoakReport> {
    const startedAt = performance.now();
    const reach = async (port: number, stack: AsyncDisposableStack) => {
      const wire = stack.use(await Wire.to(port, { random: () => this.#random.next() }));
      this.#wires.push(wire);
      return wire.port;
    };
    const installation = this.#stack.use(
      await startInstallation({ pace: PACE, proxyArgs: PROXY_ARGS, reach }),
    );
    const ledger = new Ledger(installation, () => this.#random.next());
    const { signal } = this.#stop;
    const beside = [
      ledger.write({ signal, everyMs: WRITE_EVERY_MS, most: MOST_TUNNELS }),
      this.#every(SAMPLE_MS, () => this.#sample(installation)),
      this.#trouble(),
      ...installation.carried.flatMap((each) =>
        Array.from({ length: TALKERS_EACH }, () => this.#keepTalking(installation, each)),
      ),
    ];
    const rotation = setInterval(() => void this.#rotate(installation), ROTATE_MS);
    try {
      await Promise.race([sleep(this.#ms), Promise.all(beside)]);
      this.#stop.abort();
      for (const wire of this.#wires) wire.clear();
      await Promise.all(beside);
      // A device that was away for a rotation hears of the next one only.
      const times = installation.carried.map((each) => waitUntilCarried(installation, each));
      this.#backMs = Math.max(...(await Promise.all(times)));
    } finally {
      clearInterval(rotation);
    }
    await ledger.check();
    return this.#report(installation, ledger, startedAt + this.#ms * WARM_UP);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    return this.#stack.disposeAsync();
  }

  async #keepTalking(installation: Installation, over: Carried): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { fate } = await installation.talk(over);
      if (fate !== "whole") await sleep(100);
    }
  }

  async #every(ms: number, work: () => void | Promise<void>): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await work();
      await sleep(ms, undefined, { signal }).catch(() => {}); // the end
    }
  }

  #sample({ serveLocal, carried }: Installation): void {
    for (const each of [serveLocal, ...carried.flatMap(({ source, destination }) => [source, destination])]) {
      const trend = this.#trends.get(each.name) ?? new Trend();
      this.#trends.set(each.name, trend);
      trend.sample(each.process.pid);
    }
  }

  /** The agent is sent another token, goes over to it and drops the session of the old one. */
  async #rotate(installation: Installation): Promise<void> {
    const tunnelId = installation.carried.find(({ name }) => name === "agent")?.tunnelId;
    const request = { tunnelId, clientMode: "DESTINATION" };
    const { status } = await callOperation(installation, "RotateTunnelAccessToken", request);
    if (status === 200) this.#rotations += 1;
  }

  /** One trouble after the other on one of the wires, with fair weather between them. */
  async #trouble(): Promise<void> {
    const random = this.#random;
    const pause = (ms: number) => sleep(ms, undefined, { signal: this.#stop.signal }).catch(() => {});
    while (!this.#stop.signal.aborted) {
      await pause(random.int(1_000, 4_000));
      const wire = random.pick(this.#wires);
      const name = random.pick(Object.keys(TROUBLES)) as keyof typeof TROUBLES;
      this.#troubles[name] = (this.#troubles[name] ?? 0) + 1;
      TROUBLES[name](wire, random);
      await pause(random.int(1_000, 8_000));
      wire.thaw();
      wire.clear();
    }
  }

  #report({ accounts, carried, serveLocal }: Installation, ledger: Ledger, from: number): SoakReport {
    const clients = accounts.filter(({ who }) => who === "client");
    const programs = [serveLocal, ...carried.flatMap(({ source, destination }) => [source, destination])];
    const isRefused = ({ fate, received }: Told) => fate === "short" && received === 0;
    return {
      growth: Object.fromEntries([...this.#trends].map(([name, trend]) => [name, trend.growthSince(from)])),
      conversations: {
        whole: clients.filter(({ fate }) => fate === "whole").length,
        reset: clients.filter(({ fate }) => fate === "reset").length,
        refused: clients.filter(isRefused).length,
      },
      bytes: accounts.reduce((sum, { received }) => sum + received, 0),
      troubles: this.#troubles,
      rotations: this.#rotations,
      backMs: this.#backMs,
      ledger: ledger.counts,
      wrong: [...accounts.flatMap(wrongIn), ...ledger.losses, ...programs.flatMap(({ ownEnds }) => ownEnds)],
    };
  }
}

const TROUBLES = {
  latency: (wire: Wire, random: Random) => {
    wire.set({ latencyMs: random.int(5, 150), jitterMs: random.int(0, 50) });
  },
  throttle: (wire: Wire, random: Random) => {
    wire.set({ bytesPerSecond: random.int(50_000, 1_000_000) }, random.pick(["up", "down"] as const));
  },
  hole: (wire: Wire, random: Random) => {
    wire.set({ isHole: true }, random.pick(["up", "down", undefined] as const));
  },
  cut: (wire: Wire) => wire.cut(),
  "cut at a byte": (wire: Wire, random: Random) => {
    const cut = { atByte: random.int(0, 1_000_000), by: random.pick(["reset", "end"] as const) };
    wire.set({ cut }, random.pick(["up", "down"] as const));
  },
  "vanished end": (wire: Wire, random: Random) => wire.vanish(random.pick(["client", "target"] as const)),
  freeze: (wire: Wire) => wire.freeze(),
};

/** Nobody is killed here: every clean end has to come after the last byte. */
function wrongIn({ fate, fault, who, over, connection, received }: Told): string[] {
  const where = `connection ${connection} over ${over}: its ${who}`;
  if (fault !== undefined) return [`${where}: ${fault}`];
  if (fate === "frozen") return [`${where} was frozen after ${received} bytes`];
  return fate === "short" && received > 0 ? [`${where} saw a clean end after ${received} bytes`] : [];
}
