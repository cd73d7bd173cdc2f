import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PidLock } from "../../../src/base/pid-lock.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

test("one has the lock at a time; released, it leaves nothing and can be taken again", () => {
  using dir = tempDir();
  const path = join(dir.path, "lock.pid");
  const first = PidLock.tryTake(path);
  expect(readFileSync(path, "utf8")).toBe(String(process.pid));
  expect(PidLock.tryTake(path)).toBeUndefined();
  first?.release();
  expect(readdirSync(dir.path)).toEqual([]);
  const second = PidLock.tryTake(path);
  expect(second).toBeDefined();
  first?.release(); // once more: it is not its own any longer
  second?.release();
  expect(readdirSync(dir.path)).toEqual([]);
});

test("a process that runs keeps it, and one that was killed does not", async () => {
  using dir = tempDir();
  const path = join(dir.path, "lock.pid");
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  writeFileSync(path, String(child.pid));
  expect(PidLock.tryTake(path)).toBeUndefined();
  child.kill("SIGKILL");
  await once(child, "exit");
  using lock = PidLock.tryTake(path);
  expect(lock).toBeDefined();
  expect(readdirSync(dir.path)).toEqual(["lock.pid"]);
});

test.each([
  ["this process's number, of an earlier life in its container", () => String(process.pid)],
  ["no number", () => "nonsense"],
  ["nothing", () => ""],
  ["the number 0, which is every process's group", () => "0"],
])("%s in it holds nobody up", (_what, content) => {
  using dir = tempDir();
  const path = join(dir.path, "lock.pid");
  writeFileSync(path, content());
  using lock = PidLock.tryTake(path);
  expect(lock).toBeDefined();
});

test("a number from before the machine was started is nobody's", () => {
  using dir = tempDir();
  const path = join(dir.path, "lock.pid");
  writeFileSync(path, String(process.ppid));
  utimesSync(path, 1, 1);
  using lock = PidLock.tryTake(path);
  expect(lock).toBeDefined();
});
