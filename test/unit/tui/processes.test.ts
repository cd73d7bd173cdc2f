import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Platform, POSIX, WINDOWS } from "../../../src/base/platform.ts";
import { StatusBoard } from "../../../src/proxy/status.ts";
import { StatusServer } from "../../../src/proxy/status-server.ts";
import { watchProcesses } from "../../../src/tui/processes.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { waitFor, within } from "../../helpers/wait.ts";

/** Of no process: the largest number that the pattern of names takes is above all that systems give. */
const ENDED = 999_999_999;

function listenIn(directory: string, pid: number, platform: Platform) {
  const board = new StatusBoard({ pid, command: "agent" }, () => 1_000);
  return StatusServer.listen(directory, pid, () => board.snapshot(), platform);
}

test.each<[string, Platform]>([
  ["with Unix sockets", POSIX],
  ["without", WINDOWS],
])("a watcher sees the processes of its user come and go, %s", async (_, platform) => {
  using dir = tempDir();
  const directory = join(dir.path, "run");
  const server = await listenIn(directory, process.pid, platform);
  const stop = new AbortController();
  const [seen, gone] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  const handlers = {
    onStatus: ({ pid }: { readonly pid: number }) => seen.resolve(pid),
    onGone: gone.resolve,
  };
  watchProcesses(() => [directory], undefined, stop.signal, handlers, platform);
  expect(await within("its status", seen.promise)).toBe(process.pid);
  server.close();
  expect(await within("its end", gone.promise)).toBe(process.pid);
  stop.abort();
});

test("the card of a process that was killed is taken away, by watchers and by the next process", async () => {
  using dir = tempDir();
  const directory = join(dir.path, "run");
  const server = await listenIn(directory, ENDED, WINDOWS);
  const path = join(directory, `${ENDED}.sock`);
  const card = readFileSync(path);
  server.close();
  const isGone = () => !existsSync(path);
  writeFileSync(path, card);
  const stop = new AbortController();
  watchProcesses(() => [directory], undefined, stop.signal, { onStatus() {}, onGone() {} }, WINDOWS);
  await waitFor("its removal by a watcher", isGone);
  stop.abort();
  writeFileSync(path, card);
  const next = await listenIn(directory, process.pid, WINDOWS);
  expect(isGone()).toBe(true);
  next.close();
});
