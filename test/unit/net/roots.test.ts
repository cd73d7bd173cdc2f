import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { ConfigError } from "../../../src/base/errors.ts";
import { loadRoots } from "../../../src/net/roots.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const [FIRST = "", SECOND = "", THIRD = ""] = rootCertificates.map((pem) => pem.trim());

test("no paths, no certificates", () => {
  expect(loadRoots([])).toEqual([]);
});

test("all certificates of a file, whatever stands between them", () => {
  using dir = tempDir();
  const path = join(dir.path, "bundle.pem");
  writeFileSync(path, `# first\r\n${FIRST}\n\nsubject=…\n${SECOND}`);
  expect(loadRoots([path])).toEqual([FIRST, SECOND]);
});

test("all files of a directory, each certificate once, other files left out", () => {
  using dir = tempDir();
  writeFileSync(join(dir.path, "a.pem"), FIRST);
  symlinkSync("a.pem", join(dir.path, "1234abcd.0"));
  symlinkSync("missing.pem", join(dir.path, "dangling.0"));
  writeFileSync(join(dir.path, "b.crt"), SECOND);
  writeFileSync(join(dir.path, "README"), "not a certificate");
  writeFileSync(join(dir.path, "broken.pem"), FIRST.replace("MII", "AAA"));
  mkdirSync(join(dir.path, "deeper"));
  expect(loadRoots([dir.path]).sort()).toEqual([FIRST, SECOND].sort());
});

test("several paths are joined", () => {
  using dir = tempDir();
  for (const [name, pem] of [
    ["1", FIRST],
    ["2", THIRD],
  ] as const) {
    writeFileSync(join(dir.path, name), pem);
  }
  expect(loadRoots([join(dir.path, "1"), join(dir.path, "2"), join(dir.path, "1")])).toEqual([FIRST, THIRD]);
});

describe("refusals name the path", () => {
  test.each([
    ["missing", () => {}, "no such file or directory"],
    ["empty", (path: string) => writeFileSync(path, ""), "holds no certificate"],
    ["text", (path: string) => writeFileSync(path, "hello"), "holds no certificate"],
    ["folder", (path: string) => mkdirSync(path), "holds no certificate"],
    ["damaged", (path: string) => writeFileSync(path, FIRST.replace("MII", "AAA")), "cannot be read"],
    [
      "huge",
      (path: string) => {
        writeFileSync(path, "");
        truncateSync(path, 17 * 1024 * 1024);
      },
      "larger than",
    ],
  ])("%s", (name, make, reason) => {
    using dir = tempDir();
    const path = join(dir.path, name);
    make(path);
    expect(() => loadRoots([path])).toThrow(ConfigError);
    expect(() => loadRoots([path])).toThrow(path);
    expect(() => loadRoots([path])).toThrow(reason);
  });
});
