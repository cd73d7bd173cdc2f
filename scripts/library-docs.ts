// Writes docs/api.md, every declaration that the library exports, and the examples into docs/library.md; with --check, fails
// when one of them differs: so a change of the interface is seen by whoever makes it, and by whoever reviews it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Declarations } from "./declarations.ts";
import { SUBPATHS } from "./package-json.ts";

const REPORT = "docs/api.md";
const PAGE = "docs/library.md";
const EXAMPLES = "docs/examples";
/** `<!-- example tunnel.mjs -->`, a block of code, and the closing mark. */
const EXAMPLE = /(?<=<!-- example (?<name>[\w-]+\.mjs) -->\n).*?(?=<!-- \/example -->)/gs;

const wanted = { [REPORT]: report(), [PAGE]: withExamples(readFileSync(PAGE, "utf8")) };
for (const [path, text] of Object.entries(wanted)) {
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  if (process.argv.includes("--check")) {
    console.error(
      `${path} does not match the sources: run bun scripts/library-docs.ts and look at what changed`,
    );
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
  }
}

function report(): string {
  const directory = mkdtempSync(join(tmpdir(), "tunnel-api-"));
  try {
    const args = ["-p", "src/lib", "--emitDeclarationOnly", "--outDir", directory];
    const { status, stdout, error } = spawnSync("tsc", args, { encoding: "utf8" });
    if (status !== 0) throw new Error(error?.message ?? stdout);
    return reportOf(new Declarations((file) => readDeclaration(directory, file)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The generated codec has its declarations beside it. */
function readDeclaration(directory: string, file: string): string {
  const name = file.replace(/\.[jt]s$/, ".d.ts");
  const emitted = join(directory, name);
  return readFileSync(existsSync(emitted) ? emitted : join("src", name), "utf8");
}

function reportOf(declarations: Declarations): string {
  const files = SUBPATHS.map((name) => `lib/${name}.ts`);
  const exports = SUBPATHS.map((name, index) => {
    const names = declarations.exportsOf(files[index] ?? "").map((each) => `\`${each}\``);
    return `| \`tunnel/${name}\` | ${names.join(", ")} |`;
  });
  const sections = new Map<string, string[]>();
  for (const { file, text } of declarations.reachable(files)) {
    sections.set(file, [...(sections.get(file) ?? []), text]);
  }
  return [
    "# Interface of the library",
    "",
    "Written by `bun scripts/library-docs.ts`; what each thing does stands in its docstring and in [library.md](library.md).",
    "",
    "| import | exports |",
    "|---|---|",
    ...exports,
    ...[...sections].flatMap(([file, texts]) => [
      "",
      `## src/${file}`,
      "",
      "```ts",
      texts.join("\n\n"),
      "```",
    ]),
    "",
  ].join("\n");
}

function withExamples(page: string): string {
  return page.replace(EXAMPLE, (_, name: string) => {
    const code = readFileSync(join(EXAMPLES, name), "utf8");
    return `\`\`\`js\n${code}\`\`\`\n`;
  });
}
