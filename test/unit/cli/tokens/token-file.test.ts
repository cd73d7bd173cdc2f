import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { openLogFile } from "../../../../src/cli/print/log-file.ts";
import { readTokenFile } from "../../../../src/cli/tokens/token-file.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

const read = (path: string) =>
  readTokenFile(path, () => Readable.from(["token-of-stdin\n"]), new AbortController().signal);

test("a regular file, a link to one, and standard input", async () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "token"), "token-of-file\n");
  symlinkSync("token", join(dir.path, "link"));
  for (const path of [join(dir.path, "token"), join(dir.path, "link"), "-"]) {
    expect(await read(path)).toBe(path === "-" ? "token-of-stdin" : "token-of-file");
  }
});

test("the pipe of a shell's <(COMMAND)", async () => {
  using dir = tempDir();
  const pipe = join(dir.path, "pipe");
  execFileSync("mkfifo", [pipe]);
  const end = openSync(pipe, constants.O_RDWR);
  writeFileSync(end, "x".repeat(9_000));
  await expect(read(`/dev/fd/${end}`)).rejects.toThrow("too long");
  closeSync(end);
});

test("a pipe without a writer, a device, a directory and a sparse file are refused at once", async () => {
  using dir = tempDir();
  const pipe = join(dir.path, "pipe");
  execFileSync("mkfifo", [pipe]);
  const sparse = join(dir.path, "sparse");
  writeFileSync(sparse, "");
  truncateSync(sparse, 2 ** 40);
  for (const path of [pipe, "/dev/zero", dir.path]) {
    await expect(read(path)).rejects.toThrow("not a regular file");
  }
  await expect(read(sparse)).rejects.toThrow("larger than 8 KiB");
});

test("logs to a pipe that nobody reads are refused at once", () => {
  using dir = tempDir();
  const pipe = join(dir.path, "pipe");
  execFileSync("mkfifo", [pipe]);
  expect(() => openLogFile(pipe, "logs", () => {})).toThrow("a pipe that nobody reads");
});

test("a file that is not there is said so in words", async () => {
  await expect(read("/nowhere/token")).rejects.toThrow('"/nowhere/token": no such file or directory');
});
