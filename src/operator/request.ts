import type { Socket } from "node:net";
import type { TunnelError } from "../base/errors.ts";
import type { Pong } from "../engine/output.ts";
import type { SocketAddress } from "../net/tcp.ts";
import type { ClientType } from "../proxy/options.ts";

/** What `tunnel connect` was asked for. Times in milliseconds. */
export interface ConnectRequest {
  readonly thing: string;
  readonly service: string;
  /** Life of a tunnel that has to be opened; absent: the service's own default. */
  readonly lifetimeMinutes: number | undefined;
  /** How long the device may take after each of two notifications. */
  readonly waitMs: number;
  /** Leaves open what was opened. */
  readonly keep: boolean;
  /** Also takes a tunnel whose source is connected, and so ends that one. */
  readonly takeOver: boolean;
  readonly clientType: ClientType | undefined;
  readonly stallTimeoutMs: number;
  readonly lingerMs: number;
  readonly keepaliveMs: number;
  /** How long connections wait for the device after a lost link, or 0; absent: they do not outlive it. */
  readonly resumeTimeoutMs: number | undefined;
}

/** What happens on the way, for people and for `--json`. */
export type ConnectEvent =
  | { readonly event: "opened"; readonly tunnelId: string; readonly expiresAt: Date }
  | {
      readonly event: "reused";
      readonly tunnelId: string;
      readonly expiresAt: Date;
      readonly why: "open" | "left-over" | "taken-over";
    }
  | { readonly event: "joined"; readonly tunnelId: string; readonly pid: number }
  | { readonly event: "waiting"; readonly for: string }
  | { readonly event: "rotated"; readonly mode: "destination" }
  | { readonly event: "ready"; readonly tunnelId: string }
  | { readonly event: "ending-soon"; readonly tunnelId: string; readonly expiresAt: Date }
  | { readonly event: "in-use"; readonly others: number }
  | { readonly event: "closed"; readonly tunnelId: string }
  | { readonly event: "left-open"; readonly tunnelId: string; readonly why: string };

/** How a tunnel that was used came to its end. */
export type TunnelEnd =
  /** Whoever used it had enough. */
  | { readonly type: "stopped" }
  /** It was closed, or has expired. */
  | { readonly type: "closed" }
  /** Somebody else has this side of it now, and is not to be disturbed. */
  | { readonly type: "taken"; readonly error: TunnelError }
  | { readonly type: "failed"; readonly error: unknown };

/** Where a listener really listens. */
export interface Listening {
  /** IP address, or the path of a Unix socket. */
  readonly address: string;
  readonly port?: number | undefined;
}

/** A tunnel that carries, as this process uses it: it owns the tunnel, or has joined the process that does. */
export interface TunnelUse {
  readonly tunnelId: string;
  readonly expiresAt: Date;
  /** Never rejected. */
  readonly ended: Promise<TunnelEnd>;
  /** Listens until the use is over. Throws ListenError. */
  listen(address: SocketAddress): Promise<Listening>;
  /** A stream to the service. Throws UnreachableError when whoever carries it has gone. */
  dial(): Promise<TunnelStream>;
  /**
   * The round trip to the other end of the service, beside load if told so; see PingDesk. Throws UnreachableError when
   * whoever carries it has gone, and what the tunnel failed with.
   */
  ping(isLoaded: boolean): Promise<Pong>;
}

/** A stream of a tunnel as a socket of this process. */
export interface TunnelStream {
  /** Half-open, and connected. */
  readonly socket: Socket;
  /**
   * Asked once the socket has ended: what cut the stream short, or undefined when it came to its end, or ended with its
   * tunnel. The socket does not tell: a Unix socket knows no reset.
   */
  readonly whyCut: () => Promise<unknown>;
}

/** Throws what a tunnel failed by, or was taken away by; one that was closed or stopped has ended in order. */
export function throwIfFailed(end: TunnelEnd): void {
  if (end.type === "taken" || end.type === "failed") throw end.error;
}
