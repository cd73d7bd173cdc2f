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

/** What an engine asks for. Messages to the tunnel are not among these: they are taken one by one. */
export type EngineOutput =
  /** The services of the tunnel are known and fit the service map: listeners may start. */
  | { readonly type: "ready"; readonly services: readonly string[] }
  /** Destination only: dial the service's address. Bytes may be written before the dial has succeeded. */
  | { readonly type: "connect"; readonly connection: Connection }
  /** Bytes for the local socket: a view, not copied. */
  | { readonly type: "write"; readonly connection: Connection; readonly bytes: Uint8Array }
  /** FIN after everything written; the local socket is read on (P96). */
  | { readonly type: "finish"; readonly connection: Connection }
  /** Suspended: the local socket stays open (P99). */
  | { readonly type: "hold"; readonly connection: Connection }
  /** Carried on, after it was held here or by another carrier of the session: its local socket is this one's now. */
  | { readonly type: "adopt"; readonly connection: Connection; readonly unreadBytes: number }
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

/** What became of the first HELLO of a WebSocket, as it ended (P107). */
export interface HelloFate {
  /** Milliseconds since it was said. */
  readonly ageMs: number;
  /** The other end has answered, so that it went through the service. */
  readonly isAnswered: boolean;
}

/** How a WebSocket's life in a carrier came to its end. */
export type CarrierEnd =
  | {
      readonly type: "closed";
      readonly code: number;
      readonly reason: string;
      readonly error?: Error | undefined;
      /** Absent when none was said. */
      readonly hello?: HelloFate | undefined;
    }
  | { readonly type: "failed"; readonly error: TunnelError; readonly hello?: HelloFate | undefined }
  | { readonly type: "stopped" };

/** What a carrier asks of its driver, one thing at a time. */
export type Output =
  | Extract<EngineOutput, { type: "ready" | "connect" | "write" | "close" | "event" | "finish" | "adopt" }>
  /** One binary WebSocket frame for the tunnel. */
  | { readonly type: "frame"; readonly bytes: Uint8Array }
  /** A ping, whose answer names the same id. */
  | { readonly type: "ping"; readonly id: number }
  /** Stop or go on reading a local socket; without a connection, the tunnel. */
  | { readonly type: "pause" | "resume"; readonly connection?: Connection | undefined }
  /** RST for a local socket that was told to end and does not. */
  | { readonly type: "abandon"; readonly connection: Connection }
  /** The WebSocket is over: close it when stopped, else drop it. Only `abandon` may follow. */
  | { readonly type: "ended"; readonly end: CarrierEnd };

/** What became of a ping to the other end of a service (P105). */
export interface Pong {
  readonly serviceId: string;
  /**
   * Milliseconds until the answer; or `silent`: none came; `away`: nobody is there; `foreign`: the other end does not
   * say HELLO.
   */
  readonly outcome: number | "silent" | "away" | "foreign";
  /** Bytes of load that were sent since the one before (P106). */
  readonly loadedBytes: number;
}

/** What a carrier tells its owner, besides what it wants done: for the log, the user and the next WebSocket. */
export type EngineEvent =
  /** The other side's format became known: `known` is what it speaks, `from` what told it. */
  | { readonly type: "format"; readonly known: Format; readonly from: string }
  /** Nothing has come from the destination since a connection was opened. */
  | { readonly type: "silent"; readonly serviceId: string; readonly forMs: number }
  /** A message was dropped, with the reason. */
  | { readonly type: "dropped"; readonly message: string; readonly why: string }
  /** The WebSocket is open, and the service has not said which services the tunnel has (P30). */
  | { readonly type: "unready"; readonly forMs: number }
  /** Connections of a service lost their stream and wait for the other side (P99). */
  | { readonly type: "held"; readonly serviceId: string; readonly connections: number }
  /** They go on (P100). */
  | {
      readonly type: "resumed";
      readonly serviceId: string;
      readonly connections: number;
      readonly afterMs: number;
    }
  /** They ended with RST (P101). */
  | { readonly type: "lost"; readonly serviceId: string; readonly connections: number; readonly why: string }
  | ({ readonly type: "pong" } & Pong)
  /** A connection was refused, with the reason. */
  | { readonly type: "refused"; readonly serviceId: string; readonly why: string };
