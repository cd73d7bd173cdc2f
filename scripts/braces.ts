// Fails on a lone statement in braces that would fit on the line of its condition, and on one without braces that does
// not. With --write it mends them; the formatter does the rest. Biome's useBlockStatements knows but one style: braces
// everywhere. It reads formatted lines, not syntax: it does not see a condition of several lines, an else or a do,
// and takes the lines of a text in backquotes for code.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** As in .biome.json. */
const LINE_WIDTH = 110;

/** The condition of an `if` or the head of a loop, all on one line, that nothing stands behind. */
const HEAD = /^(?<indent>\s*)(?<head>(?:if|for|for await|while) \(.*\))(?<brace> \{)?$/;
/** Statements that need braces of their own, or read badly behind a condition. */
const COMPOUND = /^\s*(const|let|using|if|for|while|switch|try|\/\/)\b|^\s*\/[/*]/;

/** The same source with braces the one way. */
export function mendBraces(source: string): string {
  const lines = source.split("\n");
  const mended: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    const { indent = "", head = "", brace } = HEAD.exec(line)?.groups ?? {};
    const [body = "", next = ""] = lines.slice(at + 1);
    const joined = `${indent}${head} ${body.trim()}`;
    const isLone = new RegExp(`^${indent}  \\S.*;$`).test(body) && !COMPOUND.test(body);
    if (head === "") {
      mended.push(line);
    } else if (brace === undefined) {
      const rest = lines.slice(at + 1);
      const end = rest.findIndex((each) => !each.startsWith(`${indent} `));
      const inner = end === -1 ? rest : rest.slice(0, end);
      mended.push(`${line} {`, mendBraces(inner.join("\n")), `${indent}}`);
      at += inner.length;
    } else if (isLone && next === `${indent}}` && joined.length <= LINE_WIDTH) {
      mended.push(joined);
      at += 2;
    } else {
      mended.push(line);
    }
  }
  return mended.join("\n");
}

function main(): void {
  const paths = ["src", "scripts", "test"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`),
  );
  for (const path of paths.filter((each) => /\.tsx?$/.test(each))) {
    const source = readFileSync(path, "utf8");
    const mended = mendBraces(source);
    if (mended === source) continue;
    if (process.argv.includes("--write")) {
      writeFileSync(path, mended);
    } else {
      console.error(`${path}: braces: bun scripts/braces.ts --write, then biome check --write`);
      process.exitCode = 1;
    }
  }
}

if (import.meta.main) main();
