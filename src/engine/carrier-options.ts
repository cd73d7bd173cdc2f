import type { EngineOptions } from "./exchange.ts";
import type { LinkOptions } from "./link.ts";

/** Memory that a carrier may use, in bytes. The simulation makes it small. */
export interface CarrierLimits {
  /** One connection's backlog at which its application is no longer read: several messages, so that turns stay fair. */
  readonly connectionBytes: number;
  /** All connections' backlog at which none is read any more. */
  readonly totalBytes: number;
  /** Bytes that may wait in the WebSocket: enough to keep the kernel busy between two turns of the event loop. */
  readonly socketBytes: number;
  /** Bytes that may wait for local sockets before the tunnel is not read any more (P62). */
  readonly heldBytes: number;
}

/** For a machine of our days: a busy carrier stays well below 128 MiB with all that the runtime needs. */
export const LIMITS: CarrierLimits = {
  connectionBytes: 256 * 1024,
  totalBytes: 2 * 1024 * 1024,
  socketBytes: 1024 * 1024,
  heldBytes: 6 * 1024 * 1024,
};

/** How a carrier is made. Times in milliseconds. */
export interface CarrierOptions extends EngineOptions, LinkOptions {
  readonly side: "source" | "destination";
  readonly limits?: CarrierLimits | undefined;
}
