import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { writeManPages } from "../../../../scripts/releasing/man-pages.ts";
import { EXIT_STATUS } from "../../../../scripts/releasing/roff.ts";
import { EXIT_CODES } from "../../../../src/cli/print/exit-codes.ts";
import { COMMANDS } from "../../../../src/cli/words/command-table.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

test("every command has a page that groff sets without a complaint", () => {
  using dir = tempDir();
  const pages = writeManPages(dir.path);
  expect(pages).toHaveLength(COMMANDS.length + 1);
  for (const page of pages) {
    const words = ["-Kutf8", "-man", "-ww", "-Tutf8", "-z", join(dir.path, page)];
    const { status, stderr } = spawnSync("groff", words, { encoding: "utf8" });
    expect([page, status, stderr]).toEqual([page, 0, ""]);
  }
});

test("a page has its options, words and examples as they are typed", () => {
  using dir = tempDir();
  writeManPages(dir.path);
  const words = ["-Kutf8", "-man", "-Tascii", "-P-c", "-P-bou", join(dir.path, "tunnel-proxy-source.1")];
  const { stdout } = spawnSync("groff", words, { encoding: "utf8" });
  expect(stdout).toContain("tunnel-proxy-source - ");
  expect(stdout).toMatch(/-p, --source-listen-port \[SERVICE=\]\[BIND:\]PORT\|/);
  expect(stdout).toMatch(/^ +tunnel proxy source -p SSH=/m);
});

test("every exit code of an error is told", () => {
  const told = EXIT_STATUS.map(([code]) => Number(code));
  expect(told).toEqual(expect.arrayContaining(Object.values(EXIT_CODES)));
});
