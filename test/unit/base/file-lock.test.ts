import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { FileLock } from "../../../src/base/file-lock.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

test("one has the lock at a time; released, it can be taken again", () => {
  using dir = tempDir();
  const path = join(dir.path, "lock");
  const first = FileLock.tryTake(path);
  expect(first).toBeDefined();
  expect(FileLock.tryTake(path)).toBeUndefined();
  first?.release();
  const second = FileLock.tryTake(path);
  expect(second).toBeDefined();
  second?.release();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});
