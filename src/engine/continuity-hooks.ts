import type { Message } from "../protocol/message.ts";
import type { Ledger } from "./continuity/ledger.ts";
import type { ConnectionState, Stream } from "./stream-table.ts";

/** What is told of each connection, so that its bytes can be counted, kept and told to the other end (P93). */
export interface AccountHooks {
  /** The accounts of a connection, which begin when it is on the wire in format 3. */
  of(state: ConnectionState): Ledger | undefined;
  /** Bytes went out. */
  sent(state: ConnectionState, bytes: Uint8Array): void;
  /** Bytes came. @returns false when they were too many: the connection is over */
  received(state: ConnectionState, bytes: number): boolean;
  /** What came was put out: an end of file may follow. */
  followUp(state: ConnectionState): void;
  /** The connection is over. */
  forget(state: ConnectionState): void;
}

/** What an exchange and its side tell, and ask, where connections can outlive their WebSocket (P90). */
export interface ContinuityHooks {
  readonly accounts: AccountHooks;
  /** Destination: a stream was started. @returns whether for its control channel alone */
  streamStarted(stream: Stream, connectionId: number): boolean;
  /** Destination: whether a connection id is that of a stream's control channel, on which both ends have spoken (P90). */
  isControlOf(stream: Stream, connectionId: number): boolean;
  /** @returns whether a message about no connection was one of the control channel */
  onControl(message: Message): boolean;
  /** A stream is over: those of its connections that can be taken up again are taken out of it. */
  suspend(stream: Stream): void;
  /** How the local socket of a connection ends, by what the other end said of it (P97). */
  endOf(
    state: ConnectionState,
    why: string,
    how: "end" | "reset",
  ): { readonly why: string; readonly how: "end" | "reset" };
}
