import { MAX_PAYLOAD_BYTES } from "../protocol/constants.ts";
import { encodeFrame, type Message } from "../protocol/message.ts";
import type { Continuity } from "./continuity/continuity.ts";
import type { Destination } from "./destination.ts";
import type { Exchange } from "./exchange.ts";
import type { Item } from "./fair-queue.ts";
import type { Source } from "./source.ts";
import type { ConnectionState } from "./stream-table.ts";

/** What goes out next: control messages first, then what connections have queued, in turns, then load (P106). */
export class Sender {
  readonly #exchange: Exchange;
  readonly #side: Source | Destination;
  readonly #continuity: Continuity | undefined;

  constructor(exchange: Exchange, side: Source | Destination, continuity: Continuity | undefined) {
    this.#exchange = exchange;
    this.#side = side;
    this.#continuity = continuity;
  }

  /**
   * The next frame for the tunnel, or undefined when nothing may be sent now.
   * @param maxBytes of payload: less than a whole message where one would be long on its way (P63)
   */
  nextFrame(now: number, maxBytes = MAX_PAYLOAD_BYTES): Uint8Array | undefined {
    const { queue, table } = this.#exchange;
    for (;;) {
      const control = this.#continuity?.nextMessage(now);
      if (control !== undefined) return encodeFrame(control);
      const taken = queue.take(Math.min(maxBytes, this.#side.maxPayloadBytes), this.#mayTake);
      if (taken === undefined) {
        const load = this.#continuity?.nextLoad(maxBytes, now);
        return load && encodeFrame(load);
      }
      if (taken.item.type === "message") return encodeFrame(taken.item.message);
      const state = table.connections.get(taken.key);
      const message = state && this.#messageFor(state, taken.item, now);
      if (message !== undefined) return encodeFrame(message);
    }
  }

  readonly #mayTake = (key: number, item: Item): boolean | number => {
    const state = this.#exchange.table.connections.get(key);
    if (state === undefined) return true;
    if (!this.#side.mayTake(state, item)) return false;
    if (item.type === "data") return this.#continuity?.accounts.ledgers.allowanceOf(key) ?? true;
    const isHeld = item.type === "start" && this.#continuity?.holdsStarts(state.connection.serviceId);
    return isHeld !== true;
  };

  #messageFor(state: ConnectionState, item: Item, now: number): Message | undefined {
    const exchange = this.#exchange;
    if (item.type === "reset") {
      exchange.forget(state);
      return state.stream && this.#side.resetMessage(state, state.stream, now);
    }
    this.#side.sent(state, item, now);
    if (item.type === "data") return exchange.dataMessage(state, item);
    const message = this.#side.startMessage(state, now);
    this.#continuity?.connectionStarted(state);
    return message;
  }
}
