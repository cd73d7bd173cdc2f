// One end of a measured transfer, as a process of its own: `load.ts serve` sends or takes what a client asks for,
// `load.ts client PORT up|down BYTES` prints the seconds it took. Up ends with one byte back, when all has arrived.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

const CHUNK = Buffer.alloc(256 * 1024, 0x5a);
const [role = "", port = "", direction = "", bytes = ""] = process.argv.slice(2);

if (role === "serve") await serve();
else await measure(Number(port), direction, Number(bytes));

async function serve(): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (head: Buffer) => answer(socket, head).catch(() => socket.destroy()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  console.log((server.address() as AddressInfo).port);
}

/** The request is one line: `up BYTES` or `down BYTES`. */
async function answer(socket: Socket, head: Buffer): Promise<void> {
  const end = head.indexOf("\n");
  const [wanted, size] = head.subarray(0, end).toString().split(" ");
  if (wanted === "down") return await send(socket, Number(size));
  await take(socket, Number(size) - (head.length - end - 1));
  socket.write("!");
}

async function measure(target: number, wanted: string, size: number): Promise<void> {
  const socket = connect({ port: target, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const start = performance.now();
  socket.write(`${wanted} ${size}\n`);
  if (wanted === "up") await send(socket, size);
  await take(socket, wanted === "up" ? 1 : size);
  console.log((performance.now() - start) / 1_000);
  socket.destroy();
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
