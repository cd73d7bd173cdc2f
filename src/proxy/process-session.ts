import { randomBytes } from "node:crypto";
import { Session } from "../engine/continuity/session.ts";
import type { Driver } from "./driver.ts";

/**
 * Connections of a process that outlive their WebSocket where the other end is ours as well, with who has their local
 * sockets. One for all tunnels of an agent; at a source, one for a tunnel.
 */
export class ProcessSession {
  readonly session: Session;
  /** By the key of a connection. */
  readonly homes = new Map<number, Driver>();

  /** @param resumeTimeoutMs how long connections wait for their other end; 0: not at all */
  constructor(resumeTimeoutMs: number) {
    const newId = () => new Uint8Array(randomBytes(16));
    this.session = new Session({ id: newId(), newId, resumeTimeoutMs });
  }
}
