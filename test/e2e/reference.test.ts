// Interoperation with the reference proxy, unchanged, on either side of our emulator and against our own proxy.
import { describe, expect } from "bun:test";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { dialLocal, startEmulator, startProxy } from "../helpers/proxies.ts";
import { CLIENT_TYPES, startReferenceAt, testWithReference } from "../helpers/reference.ts";
import { freePort, startTcpServer } from "../helpers/servers.ts";
import { waitFor, within } from "../helpers/wait.ts";

/** One connection: sends bytes, has them echoed, and leaves. */
async function echo(port: number, size: number): Promise<void> {
  const sent = randomBytes(size);
  // In the older formats the reference stops listening while a connection is open, and resets one that came just then.
  const { socket, got } = await waitFor("a connection that carries", () =>
    exchangeOnce(port, sent).catch(ifReset),
  );
  expect(got.equals(sent)).toBe(true);
  // The reference may end it with RST: not once(), which would fail of that.
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  socket.end();
  socket.resume();
  await within("the end of the connection", closed);
}

async function exchangeOnce(port: number, sent: Buffer) {
  const socket = await dialLocal(port);
  const got = take(socket, sent.length);
  socket.write(sent);
  return { socket, got: await within(`${sent.length} bytes back`, got) };
}

function ifReset(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ECONNREFUSED" && error.code !== "ECONNRESET") throw error;
}

async function take(socket: Socket, size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  socket.on("error", () => {}); // the missing bytes tell
  while (length < size) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks);
}

/** Connections one after the other, which older formats get wrong first. */
async function exchange(port: number): Promise<void> {
  for (const size of [1, 1_000, 30_000, 60_000]) await echo(port, size);
}

describe.each(CLIENT_TYPES)("the reference proxy in format %s", (type) => {
  testWithReference(
    "works on both sides of the emulator",
    async () => {
      await using app = await startTcpServer();
      await using emulator = await startEmulator();
      // Its V1 destination does not survive a close of its own in a tunnel that names its service.
      const { tokens } = emulator.open(type === "V1" ? [] : ["SSH"]);
      const port = await freePort();
      await using _destination = await startReferenceAt(
        emulator,
        "destination",
        tokens.destination,
        `127.0.0.1:${app.port}`,
        type,
      );
      await using _source = await startReferenceAt(emulator, "source", tokens.source, String(port), type);
      await exchange(port);
    },
    60_000,
  );

  testWithReference(
    "as source works with our destination",
    async () => {
      await using app = await startTcpServer();
      await using emulator = await startEmulator();
      const { tokens } = emulator.open(["SSH"]);
      await using destination = startProxy(
        emulator,
        "destination",
        tokens.destination,
        `SSH=127.0.0.1:${app.port}`,
      );
      await destination.waitFor("connected");
      const port = await freePort();
      await using _source = await startReferenceAt(emulator, "source", tokens.source, String(port), type);
      await exchange(port);
    },
    60_000,
  );

  testWithReference(
    "as destination works with our source without a flag",
    async () => {
      await using app = await startTcpServer();
      await using emulator = await startEmulator();
      const { tokens } = emulator.open(["SSH"]);
      await using _destination = await startReferenceAt(
        emulator,
        "destination",
        tokens.destination,
        `127.0.0.1:${app.port}`,
        type,
      );
      await using source = startProxy(emulator, "source", tokens.source, "SSH=0");
      await exchange(await source.portOf("SSH"));
      const warnings = source.events.filter(({ event }) => event === "warning");
      expect(warnings.length).toBe(type === "V3" ? 0 : 1);
    },
    60_000,
  );

  testWithReference(
    "as destination works with our source told its format",
    async () => {
      await using app = await startTcpServer();
      await using emulator = await startEmulator();
      const { tokens } = emulator.open(["SSH"]);
      await using _destination = await startReferenceAt(
        emulator,
        "destination",
        tokens.destination,
        `127.0.0.1:${app.port}`,
        type,
      );
      await using source = startProxy(emulator, "source", tokens.source, "SSH=0", { clientType: type });
      await exchange(await source.portOf("SSH"));
    },
    60_000,
  );
});

// The other way round its listener has no queue for new connections, and the kernel drops what comes at once.
testWithReference(
  "six connections at once into its destination",
  async () => {
    await using app = await startTcpServer();
    await using emulator = await startEmulator();
    const { tokens } = emulator.open(["SSH"]);
    const address = `127.0.0.1:${app.port}`;
    await using _destination = await startReferenceAt(
      emulator,
      "destination",
      tokens.destination,
      address,
      "V3",
    );
    await using source = startProxy(emulator, "source", tokens.source, "SSH=0");
    const port = await source.portOf("SSH");
    // Small enough for the reference, which ends itself when 128 KiB wait for one of its applications.
    await Promise.all(Array.from({ length: 6 }, () => echo(port, 20_000)));
  },
  60_000,
);

testWithReference(
  "its destination that comes back after a cut carries again",
  async () => {
    await using app = await startTcpServer();
    await using emulator = await startEmulator();
    const { tokens, tunnelId } = emulator.open(["SSH"]);
    const first = await startReferenceAt(
      emulator,
      "destination",
      tokens.destination,
      `127.0.0.1:${app.port}`,
      "V3",
    );
    await using source = startProxy(emulator, "source", tokens.source, "SSH=0");
    const port = await source.portOf("SSH");
    await echo(port, 1_000);
    await first.kill();
    const rotated = emulator.running.tunnels.rotate({ tunnelId, modes: ["destination"] });
    if (rotated.tokens.destination === undefined) throw new Error("no new access token");
    await using _second = await startReferenceAt(
      emulator,
      "destination",
      rotated.tokens.destination,
      `127.0.0.1:${app.port}`,
      "V3",
    );
    await echo(port, 1_000);
  },
  60_000,
);
