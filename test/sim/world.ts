// A whole tunnel on virtual time: applications, a proxy on each side, the wire and the relay. Everything that happens
// follows from the seed. What must always hold is checked where it happens, and by an error that ends the run.
import { otherSide, Relay, type Side } from "../../src/emulator/relay/relay.ts";
import type { CarrierLimits, CarrierOptions } from "../../src/engine/carrier-options.ts";
import { Session } from "../../src/engine/continuity/session.ts";
import type { CarrierEnd, Format } from "../../src/engine/output.ts";
import { Application, type Crowd } from "./application.ts";
import { CarrierProxy, type SimProxy, type Surroundings } from "./carrier-proxy.ts";
import { Clock } from "./clock.ts";
import { OlderPeer } from "./older-peer.ts";
import { DELAYS_MS, Pipe } from "./pipe.ts";
import type { Random } from "./random.ts";

/** What stands on a side: our engine, told a format of the other side or not, or an older peer. */
export type Kind =
  | { readonly type: "engine"; readonly format?: Format }
  | { readonly type: "older"; readonly format: 1 | 2 };

export interface WorldOptions {
  readonly services: readonly string[];
  readonly source: Kind;
  readonly destination: Kind;
  /** Longest delay of each direction of a WebSocket; chosen by chance when absent. */
  readonly delayMs?: number | undefined;
  /** Sides that keep their connections over the loss of a WebSocket (P90), for so long. */
  readonly continuity?: { readonly sides: readonly Side[]; readonly resumeTimeoutMs: number } | undefined;
  /** Memory of both proxies; chosen by chance when absent. */
  readonly limits?: CarrierLimits | undefined;
}

const LINGER_MS = 1_000;
export const STALL_TIMEOUT_MS = 10_000;
const KEEPALIVE_MS = 20_000;
/** Bytes that wait for one side at which the service no longer reads the other. */
const RELAY_FULL_BYTES = 50_000;
/** After this much time without anybody doing anything, everything that can arrive has. */
const REST_MS = 90_000;

const MEMORIES: readonly CarrierLimits[] = [
  { connectionBytes: 1_000, totalBytes: 3_000, socketBytes: 1, heldBytes: 4_000 },
  { connectionBytes: 4_000, totalBytes: 20_000, socketBytes: 2_000, heldBytes: 20_000 },
  { connectionBytes: 262_144, totalBytes: 8_388_608, socketBytes: 100_000, heldBytes: 16_777_216 },
];

/** One WebSocket. */
interface Connected {
  readonly proxy: SimProxy;
  readonly up: Pipe;
  readonly down: Pipe;
}

/** What outlives the WebSockets of a side. */
interface Process {
  readonly session: Session;
  readonly homes: Map<number, CarrierProxy>;
  /** Every proxy it had so far. */
  readonly old: CarrierProxy[];
}

export class World {
  readonly clock = new Clock();
  readonly relay = new Relay();
  readonly crowd: Crowd = { members: new Map(), disruptions: 0 };
  /** Services whose server does not listen. */
  readonly deaf = new Set<string>();
  /** What a server does as it is dialled. */
  servers: (server: Application) => void = () => {};
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #sides = new Map<Side, Connected>();
  readonly #processes = new Map<Side, Process>();
  /** What became of connections that lost their stream. */
  readonly continuity = { held: 0, resumed: 0, lost: 0 };
  /** Remembered for the tunnel, as the session does. */
  #formatOfDestination: Format | undefined;

  constructor(options: WorldOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  get services(): readonly string[] {
    return this.#options.services;
  }

  get applications(): readonly Application[] {
    return [...this.crowd.members.values()];
  }

  isConnected(side: Side): boolean {
    return this.#sides.has(side);
  }

  /** A side connects; where it was connected, the new WebSocket replaces the old one. */
  connect(side: Side): void {
    this.lose(side, true);
    const { services } = this.#options;
    const delay = () => this.#options.delayMs ?? this.#random.pick(DELAYS_MS);
    const up: Pipe = new Pipe(this.clock, this.#random, delay(), (bytes) => {
      if (this.#sides.get(side)?.up !== up) return;
      this.relay.receive(side, bytes);
      this.#carryOut();
      this.#sides.get(side)?.proxy.flush();
    });
    const down: Pipe = new Pipe(this.clock, this.#random, delay(), (bytes) => {
      const connected = this.#sides.get(side);
      if (connected?.down === down) connected.proxy.receive(bytes);
      this.#holdBack();
    });
    const proxy = this.#makeProxy(side, up, down);
    this.#sides.set(side, { proxy, up, down });
    this.relay.join(side, services, true);
    this.#carryOut();
  }

  /** The WebSocket of a side is lost once so many bytes of one of its directions have arrived. */
  cutAt(side: Side, direction: "up" | "down", bytes: number): void {
    const pipe = this.#sides.get(side)?.[direction];
    pipe?.cutAt(bytes, () => {
      if (this.#sides.get(side)?.[direction] === pipe) this.lose(side);
    });
  }

  /** Bytes of a direction of a side that have arrived. */
  carried(side: Side, direction: "up" | "down"): number {
    return this.#sides.get(side)?.[direction].deliveredBytes ?? 0;
  }

  /** The process of a side is killed: its applications meet a reset, and another one takes its place. */
  restart(side: Side): void {
    this.crowd.disruptions++;
    this.lose(side);
    this.#processes.get(side)?.old.forEach((proxy) => void proxy.kill());
    this.#processes.delete(side);
    this.connect(side);
  }

  /** A side's WebSocket is lost: the proxy sees it now, the relay now or at the next `connect`. */
  lose(side: Side, isReplaced = false): void {
    const connected = this.#sides.get(side);
    if (connected === undefined) return;
    if (!this.#isContinuous) this.crowd.disruptions++;
    this.#sides.delete(side);
    connected.up.cut();
    connected.down.cut();
    connected.proxy.lose();
    this.#holdBack();
    if (isReplaced) return;
    this.relay.leave(side);
    this.#carryOut();
  }

  /** An application connects to the source proxy, if that takes it. */
  open(serviceId: string): Application | undefined {
    const source = this.#sides.get("source")?.proxy;
    if (source === undefined) return undefined;
    const application = new Application("source", serviceId, this.crowd);
    if (source.accept(application)) return application;
    application.isClosed = true;
    return undefined;
  }

  /** Everybody ends in good order; afterwards nothing may be left anywhere. */
  checkEnd(): void {
    for (const side of ["source", "destination"] as const) if (!this.isConnected(side)) this.connect(side);
    for (const application of this.applications) if (!application.isReading) application.setReading(true);
    this.#rest();
    for (const side of ["source", "destination"] as const) if (!this.isConnected(side)) this.connect(side);
    this.#rest();
    this.checkDelivered();
    for (const application of this.applications.filter(({ side }) => side === "source")) {
      if (this.#random.chance(0.5)) application.end();
      else application.close();
    }
    this.#rest();
    const alive = this.applications.filter(({ isLive }) => isLive);
    // An end that was lost on its way is waited for no longer than the resume time.
    if (this.#hasSuspended) this.run(this.#options.continuity?.resumeTimeoutMs ?? 0);
    const left = [
      ...[...this.#sides.values()].flatMap(({ proxy }) => proxy.leftovers()),
      ...[...this.#processes.values()].flatMap(({ old, session }) => [
        // What a WebSocket that is gone still had to answer, nobody misses.
        ...old.flatMap((proxy) => proxy.leftovers()).filter((line) => !line.includes("backlog")),
        ...(session.suspendedConnections > 0
          ? [`${session.suspendedConnections} suspended connections`]
          : []),
        ...(session.sendPool.used !== 0 ? [`${session.sendPool.used} bytes kept for nobody`] : []),
        ...(session.receivePool.used !== 0 ? [`${session.receivePool.used} bytes allowed to nobody`] : []),
      ]),
    ];
    if (alive.length > 0 || left.length > 0) throw new Error(`left over: ${[...alive, ...left].join(", ")}`);
  }

  /** At rest, whatever a live application sent has arrived, and nobody lives on alone. */
  checkDelivered(): void {
    const live = this.applications.filter(({ isLive }) => isLive);
    for (const application of live) {
      const receiver = live.find(({ partner }) => partner === application);
      const received = receiver?.received ?? 0;
      if (received !== application.sent) {
        throw new Error(`${application} sent ${application.sent} bytes, ${receiver} has ${received} of them`);
      }
    }
    for (const serviceId of this.#options.services) {
      const count = (side: Side) =>
        live.filter((one) => one.side === side && one.serviceId === serviceId).length;
      if (count("source") !== count("destination")) {
        throw new Error(
          `${count("source")} live at the source, ${count("destination")} at the destination of ${serviceId}`,
        );
      }
    }
  }

  /** The network of a side dies without a word. */
  blackHole(side: Side): void {
    const connected = this.#sides.get(side);
    if (connected === undefined) return;
    if (!this.#isContinuous) this.crowd.disruptions++;
    connected.up.cut();
    connected.down.cut();
  }

  /** Lets time pass; bounds are looked at on the way. */
  run(ms: number): void {
    const until = this.clock.now + ms;
    while (this.clock.now < until) {
      this.clock.runUntil(Math.min(until, this.clock.now + 100));
      const excess = [...this.#sides.values()].flatMap(({ proxy }) => proxy.excess());
      if (excess.length > 0) throw new Error(excess.join("; "));
    }
  }

  #rest(): void {
    this.run(REST_MS);
  }

  #onEnd(side: Side, proxy: SimProxy | undefined, end: CarrierEnd): void {
    if (end.type === "failed" && end.error.code !== "ERR_UNREACHABLE") throw end.error;
    if (end.type !== "failed" || this.#sides.get(side)?.proxy !== proxy) return;
    this.clock.after(1, () => {
      if (this.#sides.get(side)?.proxy === proxy) this.connect(side);
    });
  }

  /** The service does not read a side while too much waits for the other. */
  #holdBack(): void {
    const source = this.#sides.get("source");
    const destination = this.#sides.get("destination");
    source?.up.setPaused((destination?.down.inFlight ?? 0) > RELAY_FULL_BYTES);
    destination?.up.setPaused((source?.down.inFlight ?? 0) > RELAY_FULL_BYTES);
  }

  #makeProxy(side: Side, up: Pipe, down: Pipe): SimProxy {
    const { services, source, destination } = this.#options;
    const kind = side === "source" ? source : destination;
    const process = this.#processOf(side);
    const around: Surroundings = {
      homes: process?.homes,
      onContinuity: (what) => this.continuity[what]++,
      clock: this.clock,
      up,
      down,
      dial: (serviceId) => this.#dial(serviceId),
      isStrict: source.type === "engine" && destination.type === "engine",
      onFormat: (known) => {
        if (known === 1) this.#formatOfDestination = 1;
      },
      onEnd: (end) => this.#onEnd(side, this.#sides.get(side)?.proxy, end),
    };
    if (kind.type === "older") {
      const newStreamId = () => this.#random.int(1, 2 ** 28 - 1);
      const hasEcho = side === "destination" && this.#random.chance(0.5);
      const losesStarts = this.#random.chance(0.5);
      const greets = this.#random.chance(0.5);
      const { format } = kind;
      return new OlderPeer({ side, format, hasEcho, greets, losesStarts, services, newStreamId }, around);
    }
    const options: CarrierOptions = {
      side,
      entries: () => services,
      format: side === "source" ? (kind.format ?? this.#formatOfDestination) : undefined,
      hasServiceIds: true,
      lingerMs: LINGER_MS,
      stallTimeoutMs: STALL_TIMEOUT_MS,
      keepaliveMs: KEEPALIVE_MS,
      limits: this.#options.limits ?? this.#random.pick(MEMORIES),
      continuity: process?.session,
      random: () => this.#random.next(),
    };
    const proxy = new CarrierProxy(options, around);
    process?.old.push(proxy);
    return proxy;
  }

  get #hasSuspended(): boolean {
    return [...this.#processes.values()].some(({ session }) => session.suspendedConnections > 0);
  }

  /** Whether nobody should notice the loss of a WebSocket. */
  get #isContinuous(): boolean {
    const { continuity, source, destination } = this.#options;
    const isOurs = ({ type, format = 3 }: Kind) => type === "engine" && format === 3;
    return continuity?.sides.length === 2 && isOurs(source) && isOurs(destination);
  }

  #processOf(side: Side): Process | undefined {
    const { continuity } = this.#options;
    if (continuity?.sides.includes(side) !== true) return undefined;
    const known = this.#processes.get(side);
    if (known !== undefined) return known;
    const newId = () => Uint8Array.from({ length: 16 }, () => this.#random.int(0, 255));
    const session = new Session({ id: newId(), newId, resumeTimeoutMs: continuity.resumeTimeoutMs });
    const process: Process = { session, homes: new Map(), old: [] };
    this.#processes.set(side, process);
    return process;
  }

  #dial(serviceId: string): Application | undefined {
    if (this.deaf.has(serviceId)) return undefined;
    const server = new Application("destination", serviceId, this.crowd);
    this.servers(server);
    return server;
  }

  #carryOut(): void {
    for (const output of this.relay.drain()) {
      if (output.type === "close") {
        throw new Error(`the ${output.side} broke a rule: ${output.error.message}`);
      }
      if (output.type === "dropped") continue;
      const { bytes, to } = output;
      if ((((bytes[0] as number) << 8) | (bytes[1] as number)) !== bytes.length - 2) {
        throw new Error(`the relay sent ${bytes.length} bytes to the ${to} that are not one frame`);
      }
      this.#sides.get(to)?.down.send(bytes);
      this.#holdBack();
      if (!this.#sides.has(to)) {
        throw new Error(`the relay sent to the ${to}, which is not there (${otherSide(to)})`);
      }
    }
  }
}
