// "Write, then close", many times: what the receiver gets of bytes whose sender is gone at once.
import { once } from "node:events";
import { connect, createServer, type ListenOptions, type NetConnectOpts, type Socket } from "node:net";
import { NumberedReader, numberedBytes, streamOf, WORD_BYTES } from "./numbered-bytes.ts";
import { waitFor } from "./wait.ts";

/** Of many senders: how many were heard whole, by how many the receiver saw a reset, and the sentences on the rest. */
export interface Hearing {
  readonly whole: number;
  readonly reset: number;
  /** … each sentence with how often it holds. */
  readonly wrong: Readonly<Record<string, number>>;
}

/** One word, a prompt, a page, more than a frame, more than the kernel buffers of a small device. */
const SIZES = [WORD_BYTES, 96, 4_000, 70_000, 300_000] as const;
const AT_ONCE = 25;
/** Bytes on their way when the last sender has gone. */
const DRAIN_MS = 20_000;

/**
 * The service speaks: to each of `count` clients, which only listen, it writes and closes.
 * @param listen where the service listens  @param dial where clients find it
 */
export async function hearService(count: number, listen: ListenOptions, dial: Dial): Promise<Hearing> {
  let spoken = 0;
  await using service = await serve(listen, (socket) => void leave(socket, spoken++, "down"));
  const { port } = service;
  const tally = new Tally();
  await inParallel(count, async () => {
    const socket = connect(dial(port));
    await tally.hear(socket, "down");
    socket.destroy();
  });
  return tally.hearing(count);
}

/** Clients speak: each writes and closes; the service only listens. */
export async function hearClients(count: number, listen: ListenOptions, dial: Dial): Promise<Hearing> {
  const tally = new Tally();
  await using service = await serve(listen, async (socket) => {
    await tally.hear(socket, "up");
    socket.end();
  });
  const { port } = service;
  await inParallel(count, async (number) => {
    const socket = connect(dial(port));
    socket.on("error", () => {});
    await leave(socket, number, "up");
  });
  await waitFor("the last bytes", () => tally.count >= count, DRAIN_MS).catch(() => {}); // it is counted as missing
  return tally.hearing(count);
}

/** How to connect to a service that listens on this port (0 for a Unix socket). */
export type Dial = (port: number) => NetConnectOpts;

/** Writes and closes: some for both directions at once, some only for their own. Resolves when the socket is gone. */
async function leave(socket: Socket, number: number, direction: "up" | "down"): Promise<void> {
  const size = sizeOf(number);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  socket.resume();
  socket.end(numberedBytes({ connection: number, direction }, 0, size));
  if (number % 2 === 0) socket.once("finish", () => socket.destroy());
  await closed;
}

function sizeOf(number: number): number {
  return SIZES[number % SIZES.length] ?? WORD_BYTES;
}

class Tally {
  #whole = 0;
  #reset = 0;
  readonly #wrong: string[] = [];
  readonly #heard = new Set<number>();

  get count(): number {
    return this.#whole + this.#reset + this.#wrong.length;
  }

  hearing(count: number): Hearing {
    const silent = Array.from({ length: Math.max(0, count - this.count) }, () => "was never heard of");
    const wrong: Record<string, number> = {};
    for (const sentence of [...this.#wrong, ...silent]) wrong[sentence] = (wrong[sentence] ?? 0) + 1;
    return { whole: this.#whole, reset: this.#reset, wrong };
  }

  /** Listens to the end of a socket and counts it. */
  async hear(socket: Socket, direction: "up" | "down"): Promise<void> {
    const listener = new Listener(socket, direction);
    const end = await listener.ended;
    const { connection, received, fault } = listener;
    const isDouble = connection !== undefined && this.#heard.has(connection);
    if (connection !== undefined) this.#heard.add(connection);
    if (fault !== undefined) this.#wrong.push(fault);
    else if (isDouble) this.#wrong.push(`connection ${connection} was heard twice`);
    else if (end === "reset") this.#reset += 1;
    else if (connection !== undefined && received === sizeOf(connection)) this.#whole += 1;
    else
      this.#wrong.push(
        `a clean end after ${received} of ${connection === undefined ? "?" : sizeOf(connection)} bytes`,
      );
  }
}

class Listener {
  readonly ended: Promise<"end" | "reset">;
  connection: number | undefined;
  fault: string | undefined;
  received = 0;
  #early: Buffer = Buffer.alloc(0);
  #reader: NumberedReader | undefined;

  constructor(socket: Socket, direction: "up" | "down") {
    const { promise, resolve } = Promise.withResolvers<"end" | "reset">();
    this.ended = promise;
    socket.on("data", (bytes: Buffer) => this.#take(bytes, direction));
    socket.on("end", () => resolve("end"));
    socket.on("error", () => resolve("reset"));
    socket.on("close", () => resolve("reset"));
  }

  #take(bytes: Buffer, direction: "up" | "down"): void {
    this.received += bytes.length;
    if (this.#reader === undefined) {
      this.#early = Buffer.concat([this.#early, bytes]);
      if (this.#early.length < WORD_BYTES) return;
      this.connection = streamOf(this.#early).connection;
      this.#reader = new NumberedReader({ connection: this.connection, direction });
      this.fault ??= this.#reader.take(this.#early);
    } else {
      this.fault ??= this.#reader.take(bytes);
    }
  }
}

async function serve(
  listen: ListenOptions,
  onConnection: (socket: Socket) => void,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(listen);
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function inParallel(count: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
