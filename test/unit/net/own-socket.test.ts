import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { POSIX, WINDOWS } from "../../../src/base/platform.ts";
import { dialOwn, isStale, listenForOwn } from "../../../src/net/own-socket.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { within } from "../../helpers/wait.ts";

/** A listener with the sockets it was given. */
async function listening(path: string, platform = WINDOWS) {
  const sockets: Socket[] = [];
  const listener = await listenForOwn(path, (socket) => sockets.push(socket), platform);
  return {
    sockets,
    listener,
    [Symbol.dispose]() {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const cardAt = (path: string) => JSON.parse(readFileSync(path, "utf8"));

describe.each([
  ["with Unix sockets", POSIX],
  ["without", WINDOWS],
])("processes of one user, %s", (_, platform) => {
  test("talk both ways, each way to its own end", async () => {
    using dir = tempDir();
    const path = join(dir.path, "own");
    const onSocket = (socket: Socket) => {
      socket.write("greeting, ");
      let heard = "";
      socket.on("data", (chunk) => (heard += chunk)).on("end", () => socket.end(`answer to ${heard}`));
      socket.resume();
    };
    const listener = await listenForOwn(path, onSocket, platform);
    const socket = await dialOwn(path, platform);
    socket.end("question");
    expect(await within("the answer", text(socket), 2_000)).toBe("greeting, answer to question");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    listener.close();
    expect(existsSync(path)).toBe(false);
  });

  test("hear what was said before a reset, and then an end", async () => {
    using dir = tempDir();
    const path = join(dir.path, "own");
    // A Unix socket knows no reset.
    const cut = (socket: Socket) => (platform.isWindows ? socket.resetAndDestroy() : socket.destroy());
    const onSocket = (socket: Socket) => socket.write("last words", () => cut(socket));
    const listener = await listenForOwn(path, onSocket, platform);
    const socket = await dialOwn(path, platform);
    expect(await within("the end", text(socket), 2_000)).toBe("last words");
    listener.close();
  });

  test("are told where nothing is", async () => {
    using dir = tempDir();
    const dialling = dialOwn(join(dir.path, "none"), platform);
    await expect(dialling).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("see that one who listens is not left over", async () => {
    using dir = tempDir();
    const path = join(dir.path, "own");
    using it = await listening(path, platform);
    expect(await isStale(path, platform)).toBe(false);
    it.listener.close();
    expect(await isStale(path, platform)).toBe(false);
  });

  test("cannot listen where there is no directory", async () => {
    using dir = tempDir();
    const listened = listenForOwn(join(dir.path, "missing", "own"), () => {}, platform);
    await expect(listened).rejects.toMatchObject({ message: expect.stringContaining("missing") });
    expect(readdirSync(dir.path)).toEqual([]);
  });
});

describe("a port of the loopback", () => {
  test("is left over where its owner was killed", async () => {
    using dir = tempDir();
    const path = join(dir.path, "own");
    using it = await listening(path);
    const card = readFileSync(path);
    it.listener.close();
    writeFileSync(path, card);
    expect(await isStale(path, WINDOWS)).toBe(true);
  });

  test.each([
    ["a wrong word", "x".repeat(32)],
    ["too short a word and an end", "x"],
  ])("is closed to %s", async (_, word) => {
    using dir = tempDir();
    const path = join(dir.path, "own");
    using it = await listening(path);
    const stranger = connect(cardAt(path).port, "127.0.0.1");
    stranger.on("error", () => {});
    stranger.end(word);
    await within("its end", once(stranger.resume(), "close"), 2_000);
    expect(it.sockets).toEqual([]);
  });

  test("bears with 64 who say nothing, and serves who knows the word once they are gone", async () => {
    using dir = tempDir();
    const path = join(dir.path, "own");
    using it = await listening(path);
    const { port } = cardAt(path);
    const silent = Array.from({ length: 64 }, () => connect(port, "127.0.0.1").on("error", () => {}));
    await Promise.all(silent.map((socket) => once(socket, "connect")));
    const refused = dialOwn(path, WINDOWS);
    await expect(within("a refusal", refused, 2_000)).rejects.toMatchObject({
      code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/),
    });
    const gone = silent.map((socket) => once(socket, "close"));
    for (const socket of silent) socket.resume().end();
    await within("their end", Promise.all(gone), 2_000);
    (await within("a socket", dialOwn(path, WINDOWS), 2_000)).destroy();
    expect(it.sockets).toHaveLength(1);
  });

  test("whose owner was killed is not believed when somebody else has taken it", async () => {
    using dir = tempDir();
    const path = join(dir.path, "own");
    const impostor = createServer((socket) => socket.on("error", () => {}).end("y".repeat(32)));
    await once(impostor.listen(0, "127.0.0.1"), "listening");
    using it = await listening(path);
    const { port } = impostor.address() as { port: number };
    writeFileSync(path, JSON.stringify({ ...cardAt(path), port }));
    await expect(dialOwn(path, WINDOWS)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(it.sockets).toEqual([]);
    impostor.close();
  });

  test("lets go of who has not said the word when it closes", async () => {
    using dir = tempDir();
    const path = join(dir.path, "own");
    using it = await listening(path);
    const silent = connect(cardAt(path).port, "127.0.0.1").on("error", () => {});
    await once(silent, "connect");
    const closed = once(silent.resume(), "close");
    it.listener.close();
    await within("its end", closed, 2_000);
  });

  test.each(["", "{}", '{"port":1}', '{"port":70000,"ask":"","answer":""}'])(
    "is not looked for where %p is written",
    async (content) => {
      using dir = tempDir();
      const path = join(dir.path, "own");
      writeFileSync(path, content);
      await expect(dialOwn(path, WINDOWS)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    },
  );
});
