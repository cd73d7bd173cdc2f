import type { Side } from "../../src/emulator/relay/relay.ts";

/** First bytes of what every application sends: who it is. */
const NAME_BYTES = 4;
/** What one that echoes reads at a time. */
const ECHO_BYTES = 4_000;

/** How an application meets its proxy: what it does is told to the proxy, whichever kind it is. */
export interface LocalSide {
  /** The application sent bytes. */
  onData(application: Application, bytes: Uint8Array): void;
  /** It will send no more, but still reads. */
  onEnd(application: Application): void;
  /** It is gone. */
  onClose(application: Application): void;
  /** It has read some of what waited for it. */
  onRead(application: Application): void;
}

/** Everybody there is in a world. */
export interface Crowd {
  readonly members: Map<number, Application>;
  /** How often a WebSocket was lost or replaced. */
  disruptions: number;
}

/**
 * One end of a TCP connection behind a proxy. What it sends begins with its number and goes on in a sequence of its
 * own, so that whoever receives it knows at each byte whether it is the right one.
 */
export class Application {
  readonly number: number;
  readonly side: Side;
  readonly serviceId: string;
  readonly #crowd: Crowd;
  readonly #bornAfter: number;
  proxy: LocalSide | undefined;
  sent = 0;
  received = 0;
  /** Who it receives from, known once its first bytes came. */
  partner: Application | undefined;
  hasEnded = false;
  /** Its partner will send no more, and it has read everything. */
  hasHeardEnd = false;
  /** Goes on sending after that, until it is told to end. */
  staysOpen = false;
  /** Gone by itself. */
  isClosed = false;
  /** How the proxy ended it. */
  ending: "end" | "reset" | undefined;
  isReading = true;
  /** Sends back what it reads, and reads nothing while that is not taken. */
  doesEcho = false;
  /** Called when it has read the first bytes. */
  onFirstBytes: (() => void) | undefined;
  /** It is answered at once, and so must get everything before its end although it is half-closed. */
  isPatient = false;
  /** Bytes that it has not read. */
  waiting = 0;
  readonly #outbox: Uint8Array[] = [];
  #isPaused = false;
  #isEnding: "end" | "close" | undefined;
  #onFin: (() => void) | undefined;
  #partnerNumber = 0;

  constructor(side: Side, serviceId: string, crowd: Crowd) {
    this.number = crowd.members.size + 1;
    this.side = side;
    this.serviceId = serviceId;
    this.#crowd = crowd;
    this.#bornAfter = crowd.disruptions;
    crowd.members.set(this.number, this);
  }

  /** Whether a WebSocket was lost while this one lived. */
  get isDisturbed(): boolean {
    return this.#crowd.disruptions > this.#bornAfter;
  }

  get isLive(): boolean {
    return !this.isClosed && this.ending === undefined;
  }

  send(size: number): void {
    if (!this.isLive || this.hasEnded) return;
    const bytes = new Uint8Array(this.sent === 0 ? Math.max(size, NAME_BYTES) : size);
    for (let index = 0; index < bytes.length; index++) {
      bytes[index] = contentAt(this.number, this.sent + index);
    }
    this.sent += bytes.length;
    if (this.#isPaused) this.#outbox.push(bytes);
    else this.proxy?.onData(this, bytes);
  }

  /** Its socket takes what it sends, or not. */
  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) return;
    while (!this.#isPaused && this.#outbox.length > 0) {
      const bytes = this.#outbox.shift() as Uint8Array;
      this.proxy?.onData(this, bytes);
    }
    if (this.isBlocked) return;
    if (this.#isEnding === "end") this.#endNow();
    if (this.#isEnding === "close") this.#closeNow();
    this.#readOn();
  }

  /** What it sent last has not been taken. */
  get isBlocked(): boolean {
    return this.#outbox.length > 0;
  }

  end(): void {
    if (!this.isLive || this.hasEnded) return;
    if (this.isBlocked) this.#isEnding ??= "end";
    else this.#endNow();
  }

  close(): void {
    if (!this.isLive) return;
    if (this.isBlocked) this.#isEnding = "close";
    else this.#closeNow();
  }

  setReading(isReading: boolean): void {
    this.isReading = isReading;
    this.#readOn();
  }

  /** Reads so much of what waits, though it does not read by itself. */
  readSome(size: number): void {
    this.waiting -= Math.min(size, this.waiting);
    this.proxy?.onRead(this);
  }

  /** The proxy wrote bytes: they must be the next ones of one application on the other side. */
  take(bytes: Uint8Array): void {
    if (!this.isLive) throw new Error(`${this}: written to after its end`);
    for (const byte of bytes) this.#takeByte(byte);
    this.waiting += bytes.length;
    this.#readOn();
  }

  /** The proxy ended it. */
  finish(how: "end" | "reset"): void {
    if (!this.isLive) throw new Error(`${this}: ended twice`);
    this.ending = how;
  }

  /** The proxy sends FIN and goes on reading: it comes after what waits to be read. */
  hearEndAfterReading(onHeard: () => void): void {
    this.#onFin = () => {
      this.#onFin = undefined;
      if (!this.isLive) return;
      this.hasHeardEnd = true;
      onHeard();
    };
    this.#readOn();
  }

  /** The proxy sends FIN, which comes after what waits to be read. */
  finishAfterReading(onFinished: () => void): void {
    this.#onFin = () => {
      if (!this.isLive) return;
      this.finish("end");
      onFinished();
    };
    this.#readOn();
  }

  #endNow(): void {
    this.#isEnding = undefined;
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.proxy?.onEnd(this);
  }

  #closeNow(): void {
    this.#isEnding = undefined;
    if (!this.isLive) return;
    this.isClosed = true;
    this.proxy?.onClose(this);
  }

  /** Reads what waits, if it reads at all; one that echoes blocks until what it wrote is taken. */
  #readOn(): void {
    if (!this.isReading) return;
    while (this.waiting > 0 && !(this.doesEcho && this.isBlocked)) this.#read();
    if (this.waiting === 0) this.#onFin?.();
  }

  #read(): void {
    const read = this.doesEcho ? Math.min(this.waiting, ECHO_BYTES) : this.waiting;
    this.waiting -= read;
    this.proxy?.onRead(this);
    if (this.doesEcho) this.send(read);
    if (this.received >= NAME_BYTES) this.#greet();
  }

  toString(): string {
    return `${this.side} application ${this.number} of ${this.serviceId || "the only service"}`;
  }

  #greet(): void {
    const greet = this.onFirstBytes;
    this.onFirstBytes = undefined;
    greet?.();
  }

  #takeByte(byte: number): void {
    if (this.received < NAME_BYTES) {
      this.#partnerNumber = (this.#partnerNumber << 8) | byte;
      this.received++;
      if (this.received === NAME_BYTES) this.#meet();
      return;
    }
    const partner = this.partner as Application;
    if (byte !== contentAt(partner.number, this.received)) {
      throw new Error(`${this}: byte ${this.received} is not what ${partner} sent there`);
    }
    this.received++;
    if (this.received > partner.sent) throw new Error(`${this}: more than ${partner} ever sent`);
  }

  #meet(): void {
    const partner = this.#crowd.members.get(this.#partnerNumber);
    if (partner === undefined) throw new Error(`${this}: first bytes are nobody's (${this.#partnerNumber})`);
    if (partner.side === this.side || partner.serviceId !== this.serviceId) {
      throw new Error(`${this}: hears ${partner}`);
    }
    if (partner.partner !== undefined && partner.partner !== this) {
      throw new Error(`${this}: hears ${partner}, which hears ${partner.partner}`);
    }
    for (const other of this.#crowd.members.values()) {
      if (other !== this && other.partner === partner) {
        throw new Error(`${this} and ${other} both hear ${partner}`);
      }
    }
    this.partner = partner;
  }
}

function contentAt(number: number, index: number): number {
  if (index < NAME_BYTES) return (number >>> (8 * (NAME_BYTES - 1 - index))) & 0xff;
  return (number * 97 + index * 7 + (index >> 8) * 31) & 0xff;
}
