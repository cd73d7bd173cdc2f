import { CONTROL_VERSION, type Hello, type Position, type Resumed } from "../../protocol/control.ts";
import type { HelloFate } from "../output.ts";
import type { Stream } from "../stream-table.ts";
import type { Accounts } from "./accounts.ts";
import type { Channel } from "./channel.ts";
import type { Channels } from "./channels.ts";
import { FIRST_BYTES } from "./outgoing.ts";
import type { Resumption } from "./resumption.ts";
import type { Session } from "./session.ts";
import { type Holder, isSameId, type Strand } from "./strand.ts";
import type { Strands } from "./strands.ts";

/** Connections that one RESUME can name, whatever they have carried; of more, the youngest are lost. */
const MAX_RESUMED = 4_000;

/** What a handshake acts on, all of one engine. */
interface Parts {
  readonly accounts: Accounts;
  readonly channels: Channels;
  readonly strands: Strands;
  readonly resumption: Resumption;
}

/** How two ends of ours meet in a stream: HELLO, RESUME and RESUMED (P92, P100). */
export class Handshake {
  readonly #isSource: boolean;
  readonly #session: Session;
  readonly #accounts: Accounts;
  readonly #channels: Channels;
  readonly #strands: Strands;
  readonly #resumption: Resumption;
  readonly #holder: Holder;
  #hasMet = false;
  #firstAt: number | undefined;
  #isAnswered = false;

  /** @param holder who holds the local sockets of the strands that begin here */
  constructor(side: "source" | "destination", session: Session, parts: Parts, holder: Holder) {
    this.#isSource = side === "source";
    this.#session = session;
    this.#accounts = parts.accounts;
    this.#channels = parts.channels;
    this.#strands = parts.strands;
    this.#resumption = parts.resumption;
    this.#holder = holder;
  }

  /** Whether the other end has said HELLO in any stream. */
  get hasMet(): boolean {
    return this.#hasMet;
  }

  /** What has become of the first HELLO said here. */
  fateOf(now: number): HelloFate | undefined {
    if (this.#firstAt === undefined) return undefined;
    return { ageMs: now - this.#firstAt, isAnswered: this.#isAnswered };
  }

  /** The other end has heard ours: a destination's is answered with HELLO, a source's with the answer to its probe. */
  answered(): void {
    this.#isAnswered = true;
  }

  /** Destination: says the first HELLO of a stream. */
  begin(stream: Stream): void {
    const { now } = this.#accounts;
    this.#firstAt ??= now;
    const channel = this.#channels.add(stream);
    channel.helloAt = now;
    channel.sayHello(helloOf(this.#session.options.id));
    this.#channels.awaitHello(stream, now);
  }

  /**
   * Destination: whether a session id names connections of another service, wherever in the process. Taken up again
   * under that name, they would be lost to whoever holds their sockets.
   */
  isTaken({ session: id }: Hello, { serviceId }: Stream): boolean {
    const known = this.#session.carried(id) ?? this.#session.find(id);
    return !this.#isSource && known !== undefined && known.serviceId !== serviceId;
  }

  /** Nothing is said in a stream any more, whose other end is treated as none of ours. */
  refuse(stream: Stream): void {
    this.#channels.delete(stream);
    this.#accounts.awaitNoMore(stream);
    this.#accounts.forgo(stream);
  }

  /** The other end said HELLO in a stream. */
  onHello(channel: Channel, hello: Hello, resume: readonly Position[] | undefined): void {
    channel.window = hello.window;
    this.#hasMet = true;
    this.#channels.helloCame(channel.stream);
    this.#firstAt ??= this.#accounts.now;
    if (!this.#isSource) this.answered();
    if (this.#isSource) this.#onDestinationHello(channel, hello);
    else this.#onSourceHello(channel, hello, resume);
  }

  /** Source: the destination tells what it still has. */
  onResumed(channel: Channel, { positions, next }: Resumed): void {
    const attempt = this.#resumption.attempts.of(channel.stream);
    if (attempt === undefined) return;
    const { strand } = attempt;
    this.#resumption.attempts.delete(strand.serviceId);
    this.#strands.adopt(channel, strand, positions ?? [], positions === undefined ? undefined : next);
    strand.holder = this.#holder;
    this.#session.carry(strand);
  }

  /** The source's session id names its connections of this service. */
  #onSourceHello(channel: Channel, { session: id }: Hello, resume: readonly Position[] | undefined): void {
    const { stream } = channel;
    channel.setRoundTrip(this.#accounts.now - (channel.helloAt ?? this.#accounts.now));
    const carried = this.#session.carried(id);
    if (carried !== undefined) carried.holder.detach(carried);
    const old = this.#session.find(id);
    if (old !== undefined) this.#session.forget(old);
    this.#open(channel, this.#newStrand(id, this.#session.options.id, stream));
    if (old !== undefined) {
      const positions = this.#strands.adopt(channel, old, resume ?? []);
      channel.sayResumed({ positions, next: old.nextConnectionId });
    } else if (resume !== undefined) channel.sayResumed({ positions: undefined, next: 0 });
  }

  #onDestinationHello(channel: Channel, { session: process }: Hello): void {
    const { stream } = channel;
    const attempt = this.#resumption.attempts.of(stream);
    if (attempt !== undefined && isSameId(attempt.strand.process, process)) {
      this.#resumption.attempts.asked(attempt, stream, this.#accounts.now);
      channel.strand = attempt.strand;
      channel.sayHello(helloOf(attempt.strand.id));
      const ledgers = [...attempt.strand.ledgers.values()].slice(0, MAX_RESUMED);
      return channel.sayResume(
        ledgers.map(({ connectionId, incoming }) => ({
          connection: connectionId,
          received: incoming.received,
        })),
      );
    }
    if (attempt !== undefined) this.#resumption.lose(attempt.strand, "the other side was started again");
    const retired = this.#session.takeRetired(stream.serviceId);
    const isSame = retired !== undefined && isSameId(retired.process, process);
    const strand = this.#newStrand(isSame ? retired.id : this.#session.options.newId(), process, stream);
    channel.sayHello(helloOf(strand.id));
    // What ended without the destination's knowledge ends there now.
    if (isSame) channel.sayResume([]);
    this.#open(channel, strand);
  }

  #newStrand(id: Uint8Array, process: Uint8Array, { serviceId }: Stream): Strand {
    const strand: Strand = {
      id,
      process,
      serviceId,
      ledgers: new Map(),
      nextConnectionId: 1,
      suspendedAt: 0,
      holder: this.#holder,
    };
    this.#session.carry(strand);
    return strand;
  }

  /** Both have said HELLO: what runs already goes on under credit. */
  #open(channel: Channel, strand: Strand): void {
    const states = [...channel.stream.connections.values()];
    for (const state of states) {
      const ledger = this.#accounts.of(state);
      // What the source sends from here on knows our window; a destination hears of it later.
      if (!this.#isSource && ledger !== undefined) this.#accounts.ledgers.bind(ledger);
    }
    channel.strand = strand;
    for (const state of states) this.#accounts.open(state, channel);
  }
}

function helloOf(session: Uint8Array): Hello {
  return { version: CONTROL_VERSION, features: 0, session, window: FIRST_BYTES, required: 0 };
}
