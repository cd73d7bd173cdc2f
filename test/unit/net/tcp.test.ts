import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { configureLog } from "../../../src/base/log.ts";
import { WINDOWS } from "../../../src/base/platform.ts";
import { dial, listen } from "../../../src/net/tcp.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

test("a listener survives any number of connections that cannot be accepted, and says so once", async () => {
  const lines: string[] = [];
  configureLog({ level: "warn", format: "text", write: (line) => lines.push(line) });
  const listener = await listen({ type: "tcp", port: 0 }, (socket) => socket.destroy());
  for (let count = 0; count < 3; count += 1) {
    listener.server.emit("error", Object.assign(new Error("accept"), { code: "EMFILE" }));
  }
  expect(lines).toEqual([expect.stringContaining("cannot be accepted: too many open files")]);
  const socket = connect(listener.port ?? 0, "127.0.0.1");
  await once(socket.resume(), "close");
  listener.close();
});

test("its Unix socket is for its user alone, and gone with it", async () => {
  using dir = tempDir();
  const path = join(dir.path, "sock");
  const listener = await listen({ type: "unix", path }, (socket) => socket.destroy());
  expect(statSync(path).mode & 0o777).toBe(0o600);
  listener.close();
  expect(existsSync(path)).toBe(false);
});

test("one whose Unix socket is taken away at once fails, and keeps no process alive", () => {
  using dir = tempDir();
  const path = join(dir.path, "sock");
  const module = resolve(import.meta.dirname, "../../../src/net/tcp.ts");
  const script = `
    import { existsSync, rmSync } from "node:fs";
    import { listen } from ${JSON.stringify(module)};
    const path = ${JSON.stringify(path)};
    const listening = listen({ type: "unix", path }, () => {}).then(() => "listens", (error) => error.name);
    // Somebody removes it as soon as it is there, before its mode is set.
    for (let turn = 0; turn < 100 && !existsSync(path); turn += 1) await null;
    rmSync(path);
    console.log(await listening);`;
  // Where process.execPath is Deno, it takes no module behind -e.
  const bun = resolve(import.meta.dirname, "../../../node_modules/.bin/bun");
  const { stdout, status } = spawnSync(bun, ["-e", script], { encoding: "utf8", timeout: 10_000 });
  expect([stdout, status]).toEqual(["ListenError\n", 0]);
});

test("on Windows a Unix socket is refused with what to give instead", async () => {
  const listening = listen({ type: "unix", path: "/run/app.sock" }, () => {}, WINDOWS);
  await expect(listening).rejects.toMatchObject({
    message: "cannot listen on /run/app.sock: there are no Unix sockets on Windows",
    hint: expect.stringContaining("port"),
  });
  const [error] = await once(dial({ type: "unix", path: "/run/app.sock" }, undefined, WINDOWS), "error");
  expect(error.message).toBe("cannot reach /run/app.sock: there are no Unix sockets on Windows");
});
