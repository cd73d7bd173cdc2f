// A whole tunnel on virtual time: applications, a proxy on each side, the wire and the relay. Everything that happens
// follows from the seed. What must always hold is checked where it happens, and by an error that ends the run.
import { otherSide, Relay, type Side } from "../../src/emulator/relay/relay.ts";
import type { EngineOptions } from "../../src/engine/engine.ts";
import type { Format } from "../../src/engine/output.ts";
import { Application, type Crowd } from "./application.ts";
import { Clock } from "./clock.ts";
import { EngineProxy, type SimProxy, type Surroundings } from "./engine-proxy.ts";
import { OlderPeer } from "./older-peer.ts";
import { Pipe } from "./pipe.ts";
import type { Random } from "./random.ts";

/** What stands on a side: our engine, told a format of the other side or not, or an older peer. */
export type Kind =
  | { readonly type: "engine"; readonly format?: Format }
  | { readonly type: "older"; readonly format: 1 | 2 };

export interface WorldOptions {
  readonly services: readonly string[];
  readonly source: Kind;
  readonly destination: Kind;
}

const LINGER_MS = 1_000;

/** One WebSocket. */
interface Connected {
  readonly proxy: SimProxy;
  readonly up: Pipe;
  readonly down: Pipe;
}

export class World {
  readonly clock = new Clock();
  readonly relay = new Relay();
  readonly crowd: Crowd = { members: new Map(), disruptions: 0 };
  /** Services whose server does not listen. */
  readonly deaf = new Set<string>();
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #sides = new Map<Side, Connected>();
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
    const up: Pipe = new Pipe(this.clock, this.#random, (bytes) => {
      if (this.#sides.get(side)?.up !== up) return;
      this.relay.receive(side, bytes);
      this.#carryOut();
      this.#sides.get(side)?.proxy.flush();
    });
    const down: Pipe = new Pipe(this.clock, this.#random, (bytes) =>
      this.#sides.get(side)?.proxy.receive(bytes),
    );
    const proxy = this.#makeProxy(side, up, down);
    this.#sides.set(side, { proxy, up, down });
    this.relay.join(side, services, true);
    this.#carryOut();
  }

  /** A side's WebSocket is lost: the proxy sees it now, the relay now or at the next `connect`. */
  lose(side: Side, isReplaced = false): void {
    const connected = this.#sides.get(side);
    if (connected === undefined) return;
    this.crowd.disruptions++;
    this.#sides.delete(side);
    connected.up.cut();
    connected.down.cut();
    connected.proxy.lose();
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
    this.clock.runToRest();
    this.#checkDelivered();
    for (const application of this.applications.filter(({ side }) => side === "source")) {
      if (this.#random.chance(0.5)) application.end();
      else application.close();
    }
    this.clock.runToRest();
    const alive = this.applications.filter(({ isLive }) => isLive);
    const left = [...this.#sides.values()].flatMap(({ proxy }) => proxy.leftovers());
    if (alive.length > 0 || left.length > 0) throw new Error(`left over: ${[...alive, ...left].join(", ")}`);
  }

  /** At rest, whatever a live application sent has arrived, and nobody lives on alone. */
  #checkDelivered(): void {
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

  #makeProxy(side: Side, up: Pipe, down: Pipe): SimProxy {
    const { services, source, destination } = this.#options;
    const kind = side === "source" ? source : destination;
    const around: Surroundings = {
      clock: this.clock,
      up,
      down,
      fullBytes: this.#random.pick([1, 2_000, 100_000]),
      dial: (serviceId) => this.#dial(serviceId),
      isStrict: source.type === "engine" && destination.type === "engine",
      onFormat: (known) => {
        if (known === 1) this.#formatOfDestination = 1;
      },
    };
    if (kind.type === "older") {
      const newStreamId = () => this.#random.int(1, 2 ** 28 - 1);
      const hasEcho = side === "destination" && this.#random.chance(0.5);
      const losesStarts = this.#random.chance(0.5);
      const greets = this.#random.chance(0.5);
      const { format } = kind;
      return new OlderPeer({ side, format, hasEcho, greets, losesStarts, services, newStreamId }, around);
    }
    const options: EngineOptions = {
      entries: services,
      format: side === "source" ? (kind.format ?? this.#formatOfDestination) : undefined,
      hasServiceIds: true,
      lingerMs: LINGER_MS,
      random: () => this.#random.next(),
    };
    return new EngineProxy(side, options, around);
  }

  #dial(serviceId: string): Application | undefined {
    if (this.deaf.has(serviceId)) return undefined;
    return new Application("destination", serviceId, this.crowd);
  }

  #carryOut(): void {
    for (const output of this.relay.drain()) {
      if (output.type === "close")
        throw new Error(`the ${output.side} broke a rule: ${output.error.message}`);
      if (output.type === "dropped") continue;
      const { bytes, to } = output;
      if ((((bytes[0] as number) << 8) | (bytes[1] as number)) !== bytes.length - 2) {
        throw new Error(`the relay sent ${bytes.length} bytes to the ${to} that are not one frame`);
      }
      this.#sides.get(to)?.down.send(bytes);
      if (!this.#sides.has(to))
        throw new Error(`the relay sent to the ${to}, which is not there (${otherSide(to)})`);
    }
  }
}
