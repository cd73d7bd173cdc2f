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

  /** Proxies that end leave what is held to others of the process; its owner closes it. */
  readonly isShared: boolean;

  /** @param resumeTimeoutMs how long connections wait for their other end; 0: not at all */
  constructor(resumeTimeoutMs: number, { isShared = false } = {}) {
    this.isShared = isShared;
    const newId = () => new Uint8Array(randomBytes(16));
    this.session = new Session({ id: newId(), newId, resumeTimeoutMs });
  }

  /** As the constructor; undefined where connections are not to outlive their WebSocket. */
  static of(
    resumeTimeoutMs: number | undefined,
    options?: { isShared: boolean },
  ): ProcessSession | undefined {
    return resumeTimeoutMs === undefined ? undefined : new ProcessSession(resumeTimeoutMs, options);
  }

  /** Keys of the connections that wait for their other end. */
  get heldKeys(): ReadonlySet<number> {
    const strands = [...this.session.suspended];
    return new Set(
      strands.flatMap(({ ledgers }) => [...ledgers.values()].map(({ connection }) => connection.key)),
    );
  }

  /** Ends what is held, and waits until its sockets are gone. */
  async close(): Promise<void> {
    const drivers = [...new Set(this.homes.values())];
    for (const driver of drivers) driver.stop();
    await Promise.all(drivers.map(({ released }) => released));
  }
}
