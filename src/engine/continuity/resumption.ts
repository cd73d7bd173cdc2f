import { CONTROL_CONNECTION_ID } from "../../protocol/control.ts";
import { MessageType, makeMessage } from "../../protocol/message.ts";
import { type Exchange, idsOf } from "../exchange.ts";
import { newStreamId } from "../pacing.ts";
import type { Stream } from "../stream-table.ts";
import { type Attempt, Attempts } from "./attempts.ts";
import type { Channels } from "./channels.ts";
import type { Session } from "./session.ts";
import type { Strand } from "./strand.ts";
import type { Strands } from "./strands.ts";

/** How a source takes up what is suspended: in a stream that is started for its control channel alone (P100, P102). */
export class Resumption {
  readonly attempts: Attempts;
  readonly #session: Session;
  readonly #exchange: Exchange;
  readonly #channels: Channels;
  readonly #strands: Strands;

  constructor(session: Session, exchange: Exchange, channels: Channels, strands: Strands) {
    this.attempts = new Attempts(exchange.options.random);
    this.#session = session;
    this.#exchange = exchange;
    this.#channels = channels;
    this.#strands = strands;
  }

  tick(now: number): void {
    for (const attempt of this.attempts.due(now)) this.#onDue(attempt, now);
  }

  /** What answers on the control connection is something that was dialled for it. */
  onForeign(stream: Stream): void {
    const attempt = this.attempts.of(stream);
    if (attempt === undefined) return;
    this.#end(stream);
    this.lose(attempt.strand, "another program is at the other side now");
  }

  /** Nobody is there to take it up: who wants to open a connection now hears so, as ever. */
  onNobody(attempt: Attempt, now: number): void {
    this.attempts.failed(attempt, now);
    const { serviceId } = attempt.strand;
    const waiting = [...this.#exchange.table.connections.values()].filter(
      ({ stream, connection }) => stream === undefined && connection.serviceId === serviceId,
    );
    for (const state of waiting) this.#exchange.closeLocal(state, "closed by the destination");
  }

  /** Nobody waits for a strand any more. */
  lose(strand: Strand, why: string): void {
    this.attempts.delete(strand.serviceId);
    this.#strands.lose(strand, why);
  }

  #onDue(attempt: Attempt, now: number): void {
    const { strand, stream } = attempt;
    if (!this.#session.isSuspended(strand)) return this.attempts.delete(strand.serviceId);
    if (stream !== undefined) return this.#onSilence(attempt, stream, now);
    const { table, options } = this.#exchange;
    const asked = table.start(strand.serviceId, newStreamId(options.random()), 3);
    asked.nextConnectionId = strand.nextConnectionId;
    this.attempts.asked(attempt, asked, now);
    const type = MessageType.StreamStart;
    this.#exchange.answer(makeMessage({ type, ...idsOf(asked, CONTROL_CONNECTION_ID) }));
  }

  #onSilence(attempt: Attempt, stream: Stream, now: number): void {
    this.#end(stream);
    if (this.attempts.silent(attempt, now)) this.lose(attempt.strand, "the other side does not answer");
  }

  #end(stream: Stream): void {
    this.#channels.delete(stream);
    this.#exchange.table.end(stream);
    this.#exchange.answer(makeMessage({ type: MessageType.StreamReset, ...idsOf(stream, 0) }));
  }
}
