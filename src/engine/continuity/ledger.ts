import type { Reason } from "../../protocol/control.ts";
import type { Connection } from "../output.ts";
import { Incoming } from "./incoming.ts";
import { Outgoing } from "./outgoing.ts";
import type { Pools } from "./pool.ts";

/** How a local socket went: `why` when it did not in good order (P97). */
export interface Closed {
  readonly why: number | undefined;
}

/** The accounts of one connection, from its first byte, over any number of streams (P93). */
export class Ledger {
  readonly connection: Connection;
  /** Its name on the wire, in every stream that carries it. */
  readonly connectionId: number;
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  /** What the local application gave while nothing carried it, or was not sent before. */
  pending: Uint8Array[] = [];
  /** The local socket is gone. */
  closed: Closed | undefined;
  /** The other end has told a credit. */
  isCredited = false;
  /** What the other end said of why it ends. */
  reason: Reason | undefined;
  /** The last moment at which something of it was acknowledged. */
  progressAt = 0;

  constructor(connection: Connection, connectionId: number, { sendPool, receivePool }: Pools) {
    this.connection = connection;
    this.connectionId = connectionId;
    this.outgoing = new Outgoing(sendPool);
    this.incoming = new Incoming(receivePool);
  }

  /** Whether it is over as far as this end can know: only the other end's last word is missing. */
  get isSpoken(): boolean {
    return this.outgoing.isFinTold && this.pending.length === 0 && this.incoming.isDone;
  }

  /** Whether the other end has sent or told something of it. */
  get isHeardOf(): boolean {
    const { received, end } = this.incoming;
    return this.isCredited || received > 0 || end !== undefined;
  }

  release(): void {
    this.outgoing.release();
    this.incoming.release();
    this.pending = [];
  }
}
