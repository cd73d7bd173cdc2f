// The kernel's receive buffer, and reading that stops at once: what Bun has need of, and what other runtimes bear.

import { expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { pauseReading, resumeReading } from "../../src/net/reading.ts";
import { limitReceiveBuffer } from "../../src/net/receive-buffer.ts";

const SENT_BYTES = 4 * 1024 * 1024;

/** Two ends of a connection; the near one has its peer's bytes coming. */
async function connected(): Promise<{ near: Socket; far: Socket; close(): void }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const far = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [near] = (await once(server, "connection")) as [Socket];
  return { near, far, close: () => server.close() };
}

test("a small receive buffer makes small chunks, and loses nothing", async () => {
  const { near, far, close } = await connected();
  limitReceiveBuffer(near, 32 * 1024);
  const sizes: number[] = [];
  near.on("data", (bytes) => sizes.push(bytes.length));
  resumeReading(near);
  far.end(Buffer.alloc(SENT_BYTES));
  await once(near, "end");
  close();
  near.destroy();
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(SENT_BYTES);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(128 * 1024);
});

test("a socket that is paused while it hands out a chunk reads nothing ahead, and goes on where it was", async () => {
  const { near, far, close } = await connected();
  far.write(Buffer.alloc(SENT_BYTES));
  let read = 0;
  near.on("data", (bytes) => {
    read += bytes.length;
    pauseReading(near);
  });
  resumeReading(near);
  await once(near, "data");
  // The socket is looked at again by then, many times.
  for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setTimeout(resolve));
  // What Deno reads ahead is a chunk of 64 KiB at most.
  expect(near.readableLength).toBeLessThanOrEqual(process.versions["bun"] === undefined ? 64 * 1024 : 0);
  near.removeAllListeners("data");
  near.on("data", (bytes) => {
    read += bytes.length;
    if (read === SENT_BYTES) far.end();
  });
  resumeReading(near);
  await once(near, "end");
  close();
  near.destroy();
  expect(read).toBe(SENT_BYTES);
});
