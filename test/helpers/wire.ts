import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { FAIR, Lane, type Weather } from "./wire-lane.ts";

/** `up` is towards the target, `down` towards whoever connected. */
export type Direction = "up" | "down";

/** One connection through the wire: the socket of whoever connected, the one to the target, and what lies between. */
interface Connection {
  readonly client: Socket;
  readonly target: Socket;
  readonly lanes: readonly Lane[];
}

/**
 * A TCP wire to a port of this machine, for real programs at both ends, that can be made bad in either direction while
 * it carries: slow, late, jittery, cut, swallowed, silently gone. Going out of scope ends all.
 */
export class Wire implements AsyncDisposable {
  readonly #server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) =>
    this.#join(client),
  );
  readonly #target: number;
  readonly #random: () => number;
  readonly #connections = new Set<Connection>();
  readonly #weather: Record<Direction, Weather> = { up: FAIR, down: FAIR };
  #isFrozen = false;
  #accepted = 0;

  private constructor(target: number, random: () => number) {
    this.#target = target;
    this.#random = random;
  }

  /** `random` decides over jitter: give a seeded one for a run that can be repeated. */
  static async to(
    target: number,
    options: { readonly random?: () => number; readonly port?: number } = {},
  ): Promise<Wire> {
    const wire = new Wire(target, options.random ?? Math.random);
    wire.#server.listen(options.port ?? 0, "127.0.0.1");
    await once(wire.#server, "listening");
    return wire;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Changes the weather, in both directions unless one is named, for all connections, those that are there too. */
  set(change: Partial<Weather>, direction?: Direction): void {
    for (const each of ["up", "down"] as const) {
      if (direction === undefined || direction === each) {
        this.#weather[each] = { ...this.#weather[each], ...change };
      }
    }
    for (const { lanes } of this.#connections) for (const lane of lanes) lane.wake();
  }

  /** Fair weather again. A connection that was frozen, or of which an end vanished, stays lost. */
  clear(): void {
    this.set(FAIR);
  }

  /** From now on nothing moves, and nobody is told: an unplugged cable. */
  freeze(): void {
    this.#isFrozen = true;
    for (const { lanes } of this.#connections) for (const lane of lanes) lane.strand();
  }

  /** New connections work again; the frozen ones stay as they are, as after a change of network. */
  thaw(): void {
    this.#isFrozen = false;
  }

  /** Ends every connection with RST, on both sides. */
  cut(): void {
    for (const connection of this.#connections) end(connection, "reset");
  }

  /** This end of every connection is gone, as after a power cut; the other end is told nothing. */
  vanish(who: "client" | "target"): void {
    for (const connection of this.#connections) {
      for (const lane of connection.lanes) lane.strand();
      connection[who].resetAndDestroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const { client, target } of this.#connections) {
      client.destroy();
      target.destroy();
    }
    await closed;
  }

  #join(client: Socket): void {
    this.#accepted += 1;
    const target = connect({ port: this.#target, host: "127.0.0.1", allowHalfOpen: true });
    const random = this.#random;
    const onCut = (by: "reset" | "end") => end(connection, by);
    const lanes = [
      new Lane({ from: client, to: target, weather: () => this.#weather.up, random, onCut }),
      new Lane({ from: target, to: client, weather: () => this.#weather.down, random, onCut }),
    ];
    const connection = { client, target, lanes };
    this.#connections.add(connection);
    for (const socket of [client, target]) {
      socket.on("close", () => {
        if (client.destroyed && target.destroyed) this.#connections.delete(connection);
      });
    }
    for (const lane of lanes) {
      if (this.#isFrozen) lane.strand();
      else lane.wake();
    }
  }
}

function end({ client, target, lanes }: Connection, by: "reset" | "end"): void {
  for (const lane of lanes) lane.strand();
  for (const socket of [client, target]) {
    if (by === "reset") {
      socket.resetAndDestroy();
    } else {
      socket.end();
      socket.resume(); // else its own end is never seen
    }
  }
}
