// Conversations through a tunnel of which every byte is known: a client and a service that send each other numbered
// bytes at the same time and compare what comes.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type ListenOptions, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { NumberedReader, numberedBytes, type StreamName, streamOf, WORD_BYTES } from "./numbered-bytes.ts";

/**
 * How one end of a conversation came to its end. `short` is a clean end of file with bytes missing, `frozen` no end at
 * all: nothing came for a minute.
 */
export type Fate = "whole" | "reset" | "short" | "frozen";

/** One end's account of a conversation. Times are those of performance.now(). */
export interface Account {
  readonly connection: number;
  readonly who: "client" | "service";
  readonly startedAt: number;
  readonly endedAt: number;
  readonly fate: Fate;
  /** Right bytes that came. */
  readonly received: number;
  /** What was wrong with a byte that came. */
  readonly fault: string | undefined;
}

/** How much each end says, and how fast. */
export interface Pace {
  readonly bytes: number;
  /** Of each direction; as fast as it goes where absent. */
  readonly bytesPerSecond?: number | undefined;
  /** What is frozen, where it is not a minute. */
  readonly frozenAfterMs?: number | undefined;
}

const FROZEN_AFTER_MS = 60_000;
const SLICE_MS = 20;
const SLICE_BYTES = 64 * 1024;

/**
 * A service that talks with every client that comes. It keeps its last word until all of the client's have come, so a
 * client that has all of it knows that nothing is missing on either side.
 */
export class TalkingService implements AsyncDisposable {
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => void this.#answer(socket));
  readonly #pace: Pace;
  readonly #onEnd: (account: Account) => void;
  readonly #sockets = new Set<Socket>();

  private constructor(pace: Pace, onEnd: (account: Account) => void) {
    this.#pace = pace;
    this.#onEnd = onEnd;
  }

  /** Listens on a free port, or where told. `onEnd` hears of every conversation. */
  static async start(
    pace: Pace,
    onEnd: (account: Account) => void,
    listen: ListenOptions = { port: 0, host: "127.0.0.1" },
  ): Promise<TalkingService> {
    const service = new TalkingService(pace, onEnd);
    service.#server.listen(listen);
    await once(service.#server, "listening");
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Conversations under way. */
  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #answer(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    const account = await converse(socket, "service", this.#pace);
    socket.destroy();
    // A client that was cut off before its first word never began.
    if (account !== undefined) this.#onEnd(account);
  }
}

/** Talks with the service behind a port or the path of a Unix socket, to the end. Never fails: the account tells. */
export async function talk(
  to: { readonly port: number } | { readonly path: string },
  connection: number,
  pace: Pace,
): Promise<Account> {
  const socket = connect({ ...("port" in to ? { ...to, host: "127.0.0.1" } : to), allowHalfOpen: true });
  const account = await converse(socket, "client", pace, connection);
  socket.destroy();
  if (account === undefined) throw new Error("a client knows its connection");
  return account;
}

/** Both directions at once, until all has come or the socket ends. The service learns from the first word who talks. */
async function converse(
  socket: Socket,
  who: "client" | "service",
  pace: Pace,
  connection?: number,
): Promise<Account | undefined> {
  const startedAt = performance.now();
  const party = new Party(socket, who, pace);
  if (connection !== undefined) party.begin(connection);
  const fate = await party.ended;
  const { received, fault } = party;
  const endedAt = performance.now();
  return party.connection === undefined
    ? undefined
    : { connection: party.connection, who, startedAt, endedAt, fate, received, fault };
}

/** One end of a conversation. */
class Party {
  readonly ended: Promise<Fate>;
  connection: number | undefined;
  fault: string | undefined;
  readonly #socket: Socket;
  readonly #who: "client" | "service";
  readonly #pace: Pace;
  readonly #end = Promise.withResolvers<Fate>();
  readonly #allCame = Promise.withResolvers<void>();
  #reader: NumberedReader | undefined;
  #early: Buffer = Buffer.alloc(0);
  #isOver = false;
  #alarm: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Socket, who: "client" | "service", pace: Pace) {
    this.#socket = socket;
    this.#who = who;
    this.#pace = pace;
    this.ended = this.#end.promise;
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("end", () => this.#finish("short"));
    socket.on("error", () => this.#finish("reset"));
    socket.on("close", () => this.#finish("reset"));
    this.#setAlarm();
  }

  get received(): number {
    return this.#reader?.count ?? 0;
  }

  begin(connection: number): void {
    this.connection = connection;
    const [outgoing, incoming] =
      this.#who === "client" ? (["up", "down"] as const) : (["down", "up"] as const);
    this.#reader = new NumberedReader({ connection, direction: incoming });
    void this.#say({ connection, direction: outgoing });
  }

  #setAlarm(): void {
    clearTimeout(this.#alarm);
    this.#alarm = setTimeout(() => this.#finish("frozen"), this.#pace.frozenAfterMs ?? FROZEN_AFTER_MS);
  }

  #take(bytes: Buffer): void {
    if (this.#isOver) return;
    this.#setAlarm();
    if (this.connection === undefined) {
      this.#early = Buffer.concat([this.#early, bytes]);
      if (this.#early.length < WORD_BYTES) return;
      this.begin(streamOf(this.#early).connection);
      this.#check(this.#early);
    } else {
      this.#check(bytes);
    }
  }

  #check(bytes: Buffer): void {
    this.fault = this.#reader?.take(bytes);
    if (this.received > this.#pace.bytes) {
      this.fault ??= `${this.received} bytes came, ${this.#pace.bytes} were sent`;
    }
    if (this.fault !== undefined) return this.#finish("reset");
    if (this.received < this.#pace.bytes) return;
    this.#allCame.resolve();
    // The service's last word is on its way: the client ends the conversation when it is there.
    if (this.#who === "client") this.#finish("whole");
  }

  async #say(stream: StreamName): Promise<void> {
    const { bytes: total, bytesPerSecond } = this.#pace;
    const slice = bytesPerSecond === undefined ? SLICE_BYTES : Math.ceil((bytesPerSecond * SLICE_MS) / 1_000);
    const last = this.#who === "service" ? WORD_BYTES : 0;
    for (let said = 0; said < total - last && !this.#isOver; ) {
      const bytes = numberedBytes(stream, said, Math.min(slice, total - last - said));
      said += bytes.length;
      if (!this.#socket.write(bytes)) {
        await Promise.race([once(this.#socket, "drain").catch(() => {}), this.ended]);
      }
      if (bytesPerSecond !== undefined) await sleep(SLICE_MS);
    }
    if (last === 0) return;
    await Promise.race([this.#allCame.promise, this.ended]);
    if (!this.#isOver) this.#socket.write(numberedBytes(stream, total - last, last));
  }

  #finish(fate: Fate): void {
    const isWhole = this.fault === undefined && this.received === this.#pace.bytes;
    this.#isOver = true;
    clearTimeout(this.#alarm);
    this.#end.resolve(isWhole ? "whole" : fate);
  }
}
