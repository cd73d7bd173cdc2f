import type { TunnelError } from "../base/errors.ts";

/** One TCP or Unix-socket connection as engine and driver both know it. */
export interface Connection {
  /** Unique in one engine, never used again. */
  readonly key: number;
  /** Service id by its name in the tunnel; empty when the tunnel names none. */
  readonly serviceId: string;
}

/**
 * Message format of the other side: 3 has connection ids, 2 only service ids, 1 neither (proto/protocol.md P40).
 */
export type Format = 1 | 2 | 3;

/** What an engine asks its driver to do. Messages to the tunnel are not among these: the driver takes them one by one. */
export type Output =
  /** The services of the tunnel are known and fit the service map: listeners may start. */
  | { readonly type: "ready"; readonly services: readonly string[] }
  /** Destination only: dial the service's address. Bytes may be written before the dial has succeeded. */
  | { readonly type: "connect"; readonly connection: Connection }
  /** Bytes for the local socket: a view, not copied. */
  | { readonly type: "write"; readonly connection: Connection; readonly bytes: Uint8Array }
  /** `end`: after everything written, FIN. `reset`: RST, at once. The engine has forgotten the connection. */
  | {
      readonly type: "close";
      readonly connection: Connection;
      readonly how: "end" | "reset";
      readonly why: string;
    }
  /** For logs and status; nothing depends on it. */
  | { readonly type: "event"; readonly event: EngineEvent }
  /** The session is over. */
  | { readonly type: "fail"; readonly error: TunnelError };

/** What an engine tells its owner, besides what it wants done: for the log, the user and the next WebSocket. */
export type EngineEvent =
  /** The other side's format became known: `known` is what it speaks, `from` what told it. */
  | { readonly type: "format"; readonly known: Format; readonly from: string }
  /** Nothing has come from the destination since a connection was opened. */
  | { readonly type: "silent"; readonly serviceId: string; readonly forMs: number }
  /** A message was dropped, with the reason. */
  | { readonly type: "dropped"; readonly message: string; readonly why: string }
  /** A connection was refused, with the reason. */
  | { readonly type: "refused"; readonly serviceId: string; readonly why: string };
