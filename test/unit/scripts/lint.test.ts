import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "lint-"));
afterAll(() => rmSync(folder, { recursive: true }));

const FILES: Readonly<Record<string, string>> = {
  "a.ts": 'import type { B } from "./b.ts";\nexport type A = B | "a";\n',
  "b.ts": 'import type { A } from "./a.ts";\nexport type B = { readonly a: A };\n',
  "long.ts": Array.from({ length: 302 }, (_, line) => `export const a${line} = ${line};\n`).join(""),
  "promise.ts": "async function a(): Promise<void> {}\nexport function b(): void {\n  a();\n}\n",
  "switch.ts":
    'export function a(b: "c" | "d"): number {\n  switch (b) {\n    case "c":\n      return 1;\n  }\n  return 2;\n}\n',
  "throw.ts": 'export function a(): never {\n  throw "b";\n}\n',
};

test("the linter refuses circles, long files, floating promises, forgotten cases and thrown texts", () => {
  const biome = resolve("node_modules/.bin/biome");
  copyFileSync(".biome.json", join(folder, ".biome.json"));
  mkdirSync(join(folder, "src"));
  for (const [name, source] of Object.entries(FILES)) writeFileSync(join(folder, "src", name), source);
  const args = ["lint", "--colors=off", "--vcs-enabled=false", "--reporter=json", "src"];
  const { stdout } = spawnSync(biome, args, { cwd: folder, encoding: "utf8" });
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: readonly { category: string; location: { path: string } }[];
  };
  expect(diagnostics.map(({ category, location }) => `${location.path}: ${category}`).sort()).toEqual([
    "src/a.ts: lint/suspicious/noImportCycles",
    "src/b.ts: lint/suspicious/noImportCycles",
    "src/long.ts: lint/style/noExcessiveLinesPerFile",
    "src/promise.ts: lint/nursery/noFloatingPromises",
    "src/switch.ts: lint/nursery/useExhaustiveSwitchCases",
    "src/throw.ts: lint/style/useThrowOnlyError",
  ]);
});
