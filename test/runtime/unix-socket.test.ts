// Runs under Bun and Deno: they lose different things when a Unix socket's other side closes.
import { expect, test } from "bun:test";
import { UnixSocket } from "../../src/net/unix-socket.ts";
import { saidBytes, startService } from "../helpers/services.ts";

const TRIES = 100;

/** How a socket ended, and what it gave until then. */
async function outcomeOf(socket: UnixSocket): Promise<{ readonly end: string; readonly bytes: Buffer }> {
  const chunks: Buffer[] = [];
  let end = "neither end nor error";
  const closed = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("end", () => {
    end = "end";
    socket.end();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    end = `${error.syscall} ${error.code}`;
  });
  socket.on("close", () => closed.resolve());
  await closed.promise;
  return { end, bytes: Buffer.concat(chunks) };
}

/** Every way a connection ended, of so many. */
async function endsOf(path: string, bytes: number, use: (socket: UnixSocket) => void): Promise<Set<string>> {
  const wanted = saidBytes(bytes);
  const ends = new Set<string>();
  for (let at = 0; at < TRIES; at += 1) {
    const socket = new UnixSocket(path);
    use(socket);
    const outcome = await outcomeOf(socket);
    ends.add(outcome.bytes.equals(wanted) ? outcome.end : `${outcome.bytes.length} bytes, ${outcome.end}`);
  }
  return ends;
}

const USES: readonly (readonly [string, (socket: UnixSocket) => void])[] = [
  ["that is not written to", () => {}],
  ["that is written to at once", (socket) => socket.write("request\n")],
  ["that is ended at once", (socket) => socket.end("request\n")],
  [
    "that is written to later",
    (socket) => socket.once("connect", () => setTimeout(() => socket.write("late"), 5)),
  ],
];

for (const bytes of [90, 100_000]) {
  test.each(USES)(`a service's ${bytes} bytes before it closes reach a socket %s`, async (_, use) => {
    await using service = await startService("unix", "say", { bytes });
    const ends = await endsOf(service.address, bytes, use);
    for (const end of ends) expect(["end", "read ECONNRESET"]).toContain(end);
  });
}

test("a service that leaves its input unread is read to the reset", async () => {
  await using service = await startService("unix", "say-unread", { bytes: 100_000 });
  const ends = await endsOf(service.address, 100_000, (socket) => socket.write("request\n"));
  expect([...ends]).toEqual(["read ECONNRESET"]);
});

test("what is written goes out in order, and the end after it", async () => {
  await using service = await startService("unix", "echo");
  const socket = new UnixSocket(service.address);
  const sent = saidBytes(300_000);
  for (let at = 0; at < sent.length; at += 7_777) socket.write(sent.subarray(at, at + 7_777));
  socket.end();
  const { end, bytes } = await outcomeOf(socket);
  expect(end).toBe("end");
  expect(bytes.equals(sent)).toBe(true);
});

test("a service that says at once that it will say nothing gets all that is written", async () => {
  for (let at = 0; at < TRIES / 10; at += 1) {
    await using service = await startService("unix", "late-sink", { late: 0 });
    const socket = new UnixSocket(service.address);
    const outcome = outcomeOf(socket);
    socket.write(saidBytes(300_000));
    expect((await service.report()).bytes).toBe(300_000);
    expect((await outcome).end).toBe("end");
  }
});

test("a path where nobody listens fails with the reason", async () => {
  const { end, bytes } = await outcomeOf(new UnixSocket("/nonexistent/service.sock"));
  expect(end).toContain("ENOENT");
  expect(bytes).toHaveLength(0);
});

test("a destroyed socket closes without a word", async () => {
  await using service = await startService("unix", "say", { bytes: 90 });
  const socket = new UnixSocket(service.address);
  const outcome = outcomeOf(socket);
  socket.destroy();
  expect((await outcome).end).toBe("neither end nor error");
});
