// Both ends of the demo's traffic. `serve` is the service on the device; `transfer PORT` sends it random bytes,
// fetches random bytes from it, and compares sha256 sums.
import { createHash, randomBytes } from "node:crypto";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";

const MEBIBYTE = 1024 * 1024;
const SIZE_MIB = 64;

const [action, port] = process.argv.slice(2);
if (action === "serve") serve();
else await transfer(Number(port));

/** POST answers the sum of what it got; GET sends random bytes, their sum after them in a trailer. */
function serve(): void {
  const server = createServer(async (incoming, response) => {
    const hash = createHash("sha256");
    if (incoming.method === "POST") {
      for await (const chunk of incoming) hash.update(chunk);
      response.end(hash.digest("hex"));
      return;
    }
    response.setHeader("Trailer", "sha256");
    await pipeline(Readable.from(randomChunks(hash)), response, { end: false });
    response.addTrailers({ sha256: hash.digest("hex") });
    response.end();
  });
  server.listen(0, "127.0.0.1", () => console.log(`port ${(server.address() as AddressInfo).port}`));
}

async function transfer(port: number): Promise<void> {
  await measure("operator to device", () => upload(port));
  await measure("device to operator", () => download(port));
}

async function upload(port: number): Promise<Sums> {
  const hash = createHash("sha256");
  const outgoing = request({ port, host: "127.0.0.1", method: "POST" });
  const answer = new Promise<string>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (response) => text(response).then(resolve, reject));
  });
  await pipeline(Readable.from(randomChunks(hash)), outgoing);
  return { sent: hash.digest("hex"), received: await answer };
}

async function download(port: number): Promise<Sums> {
  const hash = createHash("sha256");
  const outgoing = request({ port, host: "127.0.0.1" }).end();
  const sent = await new Promise<string | undefined>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", async (response) => {
      for await (const chunk of response) hash.update(chunk);
      resolve(response.trailers["sha256"]);
    });
  });
  return { sent, received: hash.digest("hex") };
}

interface Sums {
  readonly sent: string | undefined;
  readonly received: string;
}

function* randomChunks(hash: { update(bytes: Uint8Array): unknown }): Generator<Uint8Array> {
  for (let i = 0; i < SIZE_MIB; i += 1) {
    const chunk = randomBytes(MEBIBYTE);
    hash.update(chunk);
    yield chunk;
  }
}

async function measure(direction: string, carry: () => Promise<Sums>): Promise<void> {
  const start = performance.now();
  const { sent, received } = await carry();
  const seconds = (performance.now() - start) / 1000;
  if (sent !== received) throw new Error(`${direction}: sent sha256 ${sent}, received ${received}`);
  const rate = Math.round(SIZE_MIB / seconds);
  console.log(`   ${direction}: ${SIZE_MIB} MiB, ${rate} MiB/s, sha256 equal (${sent.slice(0, 16)}…)`);
}
