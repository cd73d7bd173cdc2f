import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRegularFile } from "../../../src/base/regular-file.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

test("a file of the greatest size is read, one byte more is not", () => {
  using dir = tempDir();
  const path = join(dir.path, "f");
  writeFileSync(path, "x".repeat(1_024));
  expect(readRegularFile(path, 1_024)).toHaveLength(1_024);
  writeFileSync(path, "x".repeat(1_025));
  expect(() => readRegularFile(path, 1_024)).toThrow("larger than 1 KiB");
});

test("a file that says it is empty and is not is bounded by what is read", () => {
  expect(() => readRegularFile("/proc/self/smaps", 1_024)).toThrow("larger than 1 KiB");
});

test("devices, pipes, directories and what is not there have a code", () => {
  using dir = tempDir();
  const at = (name: string) => join(dir.path, name);
  execFileSync("mkfifo", [at("pipe")]);
  mkdirSync(at("directory"));
  symlinkSync("/dev/zero", at("zero"));
  writeFileSync(at("sparse"), "");
  truncateSync(at("sparse"), 2 ** 40);
  const codeOf = (path: string) => {
    try {
      return readRegularFile(path, 1_024).length;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };
  const kind = "not a regular file";
  expect([at("pipe"), at("directory"), at("zero"), "/dev/zero"].map(codeOf)).toEqual([
    kind,
    kind,
    kind,
    kind,
  ]);
  expect([at("sparse"), at("none")].map(codeOf)).toEqual(["larger than 1 KiB", "ENOENT"]);
});

test("a link is followed only where that is wanted", () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "secret"), "secret");
  symlinkSync("secret", join(dir.path, "link"));
  expect(readRegularFile(join(dir.path, "link"), 1_024).toString()).toBe("secret");
  expect(() => readRegularFile(join(dir.path, "link"), 1_024, { follow: false })).toThrow("a link");
});
