// The ends of what is measured, as processes of their own. `load.ts serve` prints its port, and sends, takes or gives
// back what a client asks for in its first line. The client prints what it found, as JSON:
//   load.ts carry PORT up|down|both CONNECTIONS BYTES   seconds, all connections together
//   load.ts echo PORT WARM_UP COUNT GAP_MS              round trips of 100 bytes, milliseconds, sorted
//   load.ts connect PORT COUNT                          connections a second, one byte each way in every one
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const CHUNK = Buffer.alloc(256 * 1024, 0x5a);
const MESSAGE = Buffer.alloc(100, 0x5a);
/** Connections that are opened at once. */
const PARALLEL = 8;

const [role = "", port = "", ...rest] = process.argv.slice(2);
const target = Number(port);
if (role === "serve") await serve();
else if (role === "carry") say(await carry(rest[0] ?? "", Number(rest[1]), Number(rest[2])));
else if (role === "echo") say(await echo(Number(rest[0]), Number(rest[1]), Number(rest[2])));
else if (role === "connect") say(await connections(Number(rest[0])));
else throw new Error(`no such part: ${role}`);

function say(found: unknown): void {
  console.log(JSON.stringify(found));
  process.exit();
}

async function serve(): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (head: Buffer) => answer(socket, head).catch(() => socket.destroy()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  console.log((server.address() as AddressInfo).port);
}

/** The request is one line: `up BYTES`, `down BYTES` or `echo`. Up ends with one byte back, when all has arrived. */
async function answer(socket: Socket, head: Buffer): Promise<void> {
  const end = head.indexOf("\n");
  const [wanted, size] = head.subarray(0, end).toString().split(" ");
  const more = head.subarray(end + 1);
  if (wanted === "down") return await send(socket, Number(size));
  if (wanted === "echo") {
    socket.write(more);
    socket.pipe(socket);
    return;
  }
  await take(socket, Number(size) - more.length);
  socket.write("!");
}

async function dial(request: string): Promise<Socket> {
  const socket = connect({ port: target, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  socket.write(`${request}\n`);
  return socket;
}

async function carry(wanted: string, count: number, bytes: number): Promise<number> {
  const directionOf = (index: number) => (wanted === "both" ? ["up", "down"][index % 2] : wanted);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: count }, (_, index) => transfer(directionOf(index) ?? "", bytes)));
  return (performance.now() - startedAt) / 1_000;
}

async function transfer(direction: string, bytes: number): Promise<void> {
  const socket = await dial(`${direction} ${bytes}`);
  if (direction === "up") await send(socket, bytes);
  await take(socket, direction === "up" ? 1 : bytes);
  socket.destroy();
}

async function echo(warmUp: number, count: number, gapMs: number): Promise<number[]> {
  const socket = await dial("echo");
  const times: number[] = [];
  for (let turn = 0; turn < warmUp + count; turn += 1) {
    const startedAt = performance.now();
    const back = take(socket, MESSAGE.length);
    socket.write(MESSAGE);
    await back;
    socket.removeAllListeners("data").removeAllListeners("close");
    if (turn >= warmUp) times.push(performance.now() - startedAt);
    if (gapMs > 0) await sleep(gapMs);
  }
  return times.sort((a, b) => a - b);
}

async function connections(count: number): Promise<number> {
  let left = count;
  const one = async () => {
    for (; left > 0; ) {
      left -= 1;
      const socket = await dial("up 1");
      const back = take(socket, 1);
      socket.write("x");
      await back;
      socket.destroy();
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: PARALLEL }, one));
  return (count * 1_000) / (performance.now() - startedAt);
}

async function send(socket: Socket, size: number): Promise<void> {
  for (let left = size; left > 0; left -= CHUNK.length) {
    if (!socket.write(left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK)) await once(socket, "drain");
  }
}

function take(socket: Socket, size: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let left = size;
  socket.on("data", (chunk) => {
    left -= chunk.length;
    if (left <= 0) resolve();
  });
  socket.once("close", () => reject(new Error(`closed with ${left} of ${size} bytes missing`)));
  if (left <= 0) resolve();
  return promise;
}
