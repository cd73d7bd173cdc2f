// Every rule number that a source or a test cites exists in proto/protocol.md, once and in order.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../..");
// Curves have such names as well, from P256 on.
const RULE = /\bP(\d{1,2}|1\d\d)\b/g;
/** Rules that an error names. */
const ERROR_RULE = /RemoteProtocolError\(\s*"([^"]*)"/g;

const defined = [...read("proto/protocol.md").matchAll(/^\*\*P(\d+)\*\*/gm)].map(([, rule]) => Number(rule));
const sources = [...files("src"), ...files("test")].map((path) => ({ path, text: read(path) }));

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

function files(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`);
}

describe("proto/protocol.md", () => {
  test("defines each rule once, in order", () => {
    expect(defined.length).toBeGreaterThan(50);
    expect(defined).toEqual([...new Set(defined)].sort((a, b) => a - b));
  });

  test("has every rule that is cited", () => {
    const missing = sources.flatMap(({ path, text }) =>
      [...text.matchAll(RULE)]
        .filter(([, rule]) => !defined.includes(Number(rule)))
        .map(([cited]) => `${path}: ${cited}`),
    );
    expect(missing).toEqual([]);
  });

  test("has every rule that an error names", () => {
    const named = sources
      .filter(({ path }) => path.startsWith("src/"))
      .flatMap(({ path, text }) => [...text.matchAll(ERROR_RULE)].map(([, rule = ""]) => ({ path, rule })));
    expect(named.length).toBeGreaterThan(8);
    expect(
      named.filter(({ rule }) => !/^P\d+$/.test(rule) || !defined.includes(Number(rule.slice(1)))),
    ).toEqual([]);
  });

  test("marks each rule with where it comes from", () => {
    const rules = read("proto/protocol.md")
      .split(/^(?=\*\*P\d+\*\*)/m)
      .slice(1);
    const unmarked = rules.filter((rule) => !/^\*\*P\d+\*\* \*(documented|observed|ours)\b/.test(rule));
    expect(unmarked).toEqual([]);
  });
});
