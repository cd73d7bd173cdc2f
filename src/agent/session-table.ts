import { createHash } from "node:crypto";
import type { AccessToken } from "../base/secret.ts";
import { MAX_TUNNEL_LIFE_MS } from "../protocol/constants.ts";

/** Hashes of former tokens kept at most: 40 bytes each, far more than a device sees in 12 h. */
const MAX_FORMER = 1_024;

/** What the table keeps of a running session. */
interface Entry {
  isConnected: boolean;
}

/** What is to be done about a token: start a session, after ending another one if `evict` names it, or nothing. */
export type Admission =
  | { readonly type: "start"; readonly evict: string | undefined }
  | { readonly type: "known" }
  | { readonly type: "full" };

/** Name of a token that gives nothing away: the first 16 hex digits of its SHA-256. */
export function sessionIdOf(accessToken: AccessToken): string {
  return createHash("sha256").update(accessToken.reveal()).digest("hex").slice(0, 16);
}

/**
 * Which tokens an agent has sessions for, and which it has seen (P82 to P84). A new token never ends a session, unless
 * the table is full: then the oldest one that is not connected goes. Times in milliseconds.
 */
export class SessionTable {
  readonly #maxSessions: number;
  /** Running, the oldest first. */
  readonly #running = new Map<string, Entry>();
  /** Ended: id → time until which it is remembered, the oldest first. */
  readonly #former = new Map<string, number>();

  constructor(maxSessions: number) {
    this.#maxSessions = maxSessions;
  }

  /** Whether there is, or was within 12 h, a session for a token. */
  knows(id: string, now: number): boolean {
    this.#forget(now);
    return this.#running.has(id) || this.#former.has(id);
  }

  /** Decides about a token; on "start" its session counts as running, and an evicted one as ended. */
  admit(id: string, now: number): Admission {
    if (this.knows(id, now)) return { type: "known" };
    let evict: string | undefined;
    if (this.#running.size >= this.#maxSessions) {
      evict = this.#oldestNotConnected();
      if (evict === undefined) return { type: "full" };
      this.ended(evict, now);
    }
    this.#running.set(id, { isConnected: false });
    return { type: "start", evict };
  }

  setConnected(id: string, isConnected: boolean): void {
    const entry = this.#running.get(id);
    if (entry !== undefined) entry.isConnected = isConnected;
  }

  /** The session is over; its token is not taken again. */
  ended(id: string, now: number): void {
    if (!this.#running.delete(id)) return;
    this.#former.set(id, now + MAX_TUNNEL_LIFE_MS);
  }

  #oldestNotConnected(): string | undefined {
    for (const [id, { isConnected }] of this.#running) if (!isConnected) return id;
    return undefined;
  }

  #forget(now: number): void {
    for (const [id, until] of this.#former) {
      if (until > now && this.#former.size <= MAX_FORMER) return;
      this.#former.delete(id);
    }
  }
}
