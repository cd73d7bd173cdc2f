import type { Socket } from "node:net";
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
  /** Resolved when the tunnel is closed or has expired; rejected with the TunnelError that ended it. */
  readonly over: Promise<void>;
  /** Listens until this process leaves. Throws ListenError. */
  listen(address: SocketAddress): Promise<Listening>;
  /** A stream to the service: half-open, written to at once. */
  dial(): Socket;
  /** Done with it. The owner waits for those who joined it, and closes what it opened. */
  leave(): Promise<void>;
}
