import {
  encodeControl,
  type Hello,
  type Position,
  type Reason,
  type Resumed,
} from "../../protocol/control.ts";
import type { Stream } from "../stream-table.ts";
import type { Ledger } from "./ledger.ts";
import type { Strand } from "./strand.ts";

/** What was delivered is told after this at the latest. */
const TELL_MS = 100;
/** The round trip is measured this often, while there is something to say. */
const PROBE_MS = 1_000;
/** Parts of a kind in one message: several fit between two pieces of data. */
const MAX_ENTRIES = 256;
/** Of reasons, which may have an address each, fewer. */
const MAX_REASONS = 128;

/** Positions beside which there is room for everything else. */
const MAX_POSITIONS = 1_000;

/** The control channel of one stream: what both ends know of each other, and what waits to be said. Milliseconds. */
export class Channel {
  readonly stream: Stream;
  /** Both ends have said HELLO. */
  strand: Strand | undefined;
  /** What the other end's HELLO allows without a credit. */
  window = 0;
  #roundTripMs: number | undefined;
  #shortestMs: number | undefined;
  /** Since when our HELLO waits for an answer. */
  helloAt: number | undefined;
  #hello: Hello | undefined;
  #resume: readonly Position[] | undefined;
  #resumed: Resumed | undefined;
  readonly #now = new Set<Ledger>();
  readonly #soon = new Set<Ledger>();
  #soonAt: number | undefined;
  readonly #fins = new Map<number, number>();
  readonly #reasons = new Map<number, Reason>();
  #answer = 0;
  #lastProbe = 0;
  #probedAt: number | undefined;
  #isProbing = false;
  /** When somebody asked for the round trip, until the probe of that went out … */
  #pingAt: number | undefined;
  /** … which waits for its answer now. */
  #isPinging = false;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  /** From end to end. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** As it was measured, with whatever waited on the way. */
  setRoundTrip(ms: number): void {
    this.#roundTripMs = ms;
    this.#shortestMs = Math.min(ms, this.#shortestMs ?? ms);
  }

  sayHello(hello: Hello): void {
    this.#hello = hello;
  }

  sayResume(positions: readonly Position[]): void {
    this.#resume = positions;
  }

  sayResumed(resumed: Resumed): void {
    this.#resumed = resumed;
  }

  sayFin(ledger: Ledger): void {
    this.#fins.set(ledger.connectionId, ledger.outgoing.sent);
  }

  sayReason(reason: Reason): void {
    this.#reasons.set(reason.connection, reason);
  }

  sayAnswer(probe: number): void {
    this.#answer = probe;
  }

  /** Measures the round trip from now on, whatever was measured before. */
  askPing(now: number): void {
    this.#pingAt = now;
    // The answer to what is on its way is that of another one.
    this.#isPinging = false;
    this.#isProbing = false;
  }

  /** Tells what a connection has delivered, if that is worth it. */
  sayCredit(ledger: Ledger, now: number): void {
    const { due } = ledger.incoming;
    if (due === "now") this.#now.add(ledger);
    if (due !== "soon") return;
    this.#soon.add(ledger);
    this.#soonAt ??= now + TELL_MS;
  }

  /** A connection is over: nothing more is said of it, but why. */
  forget(ledger: Ledger): void {
    this.#now.delete(ledger);
    this.#soon.delete(ledger);
    this.#fins.delete(ledger.connectionId);
  }

  /** @returns the round trip, when it was asked for */
  answered(answer: number, now: number): number | undefined {
    if (!this.#isProbing || answer !== this.#lastProbe) return undefined;
    this.#isProbing = false;
    this.setRoundTrip(now - (this.#probedAt ?? now));
    const isAskedFor = this.#isPinging;
    this.#isPinging = false;
    return isAskedFor ? this.#roundTripMs : undefined;
  }

  /** What could wait can no longer. */
  tick(now: number): void {
    if (this.#soonAt === undefined || this.#soonAt > now) return;
    for (const ledger of this.#soon) this.#now.add(ledger);
    this.#soon.clear();
    this.#soonAt = undefined;
  }

  /** When to call `tick`. */
  get deadline(): number | undefined {
    return this.#soonAt;
  }

  /** Whether `next` has something. */
  get isDue(): boolean {
    const hasList = this.#now.size + this.#fins.size + this.#reasons.size > 0;
    const hasOne = this.#hello !== undefined || this.#resume !== undefined || this.#resumed !== undefined;
    return hasList || hasOne || this.#answer > 0 || this.#pingAt !== undefined;
  }

  /** The next control message; call it when `isDue`. */
  next(now: number): Uint8Array {
    const positions = this.#resume?.length ?? this.#resumed?.positions?.length ?? 0;
    // A long list fills a message by itself; the rest comes in the next one.
    const hasRoom = positions <= MAX_POSITIONS;
    const credits = hasRoom ? this.#takeCredits(now) : [];
    // Nobody asks when there is nothing else to say, or two idle ends would ask each other for ever.
    const hasMore = credits.length > 0 || this.#hello !== undefined;
    const control = {
      hello: this.#hello,
      resume: this.#resume,
      resumed: this.#resumed,
      credits,
      fins: take(this.#fins, hasRoom).map(([connection, bytes]) => ({ connection, bytes })),
      reasons: take(this.#reasons, hasRoom, MAX_REASONS).map(([, reason]) => reason),
      probe: this.#takePing() ?? (hasMore ? this.#takeProbe(now) : 0),
      answer: this.#answer,
    };
    this.#hello = undefined;
    this.#resume = undefined;
    this.#resumed = undefined;
    this.#answer = 0;
    return encodeControl(control);
  }

  #takeCredits(now: number) {
    const ledgers = [...this.#now, ...this.#soon].slice(0, MAX_ENTRIES);
    for (const ledger of ledgers) {
      this.#now.delete(ledger);
      this.#soon.delete(ledger);
    }
    if (this.#soon.size === 0) this.#soonAt = undefined;
    return [...new Set(ledgers)].map((ledger) => ({
      connection: ledger.connectionId,
      ...ledger.incoming.credit(now, this.#shortestMs),
    }));
  }

  /** It counts from when it was asked for: what waits here on the way is part of it. */
  #takePing(): number | undefined {
    if (this.#pingAt === undefined) return undefined;
    const at = this.#pingAt;
    this.#pingAt = undefined;
    this.#isPinging = true;
    return this.#nextProbe(at);
  }

  /** A destination's first HELLO asks nothing: nobody may be there to answer. */
  #takeProbe(now: number): number {
    const isEarly = this.#probedAt !== undefined && now - this.#probedAt < PROBE_MS;
    if (this.strand === undefined || this.#isProbing || isEarly) return 0;
    return this.#nextProbe(now);
  }

  #nextProbe(at: number): number {
    this.#probedAt = at;
    this.#isProbing = true;
    this.#lastProbe = (this.#lastProbe % 0xffff) + 1;
    return this.#lastProbe;
  }
}

function take<T>(
  entries: Map<number, T>,
  hasRoom: boolean,
  most = MAX_ENTRIES,
): readonly (readonly [number, T])[] {
  if (!hasRoom) return [];
  const taken = [...entries].slice(0, most);
  for (const [key] of taken) entries.delete(key);
  return taken;
}
