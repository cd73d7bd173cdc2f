// Runs the tests against what others wrote, and writes what came of it into docs/conformance.md. Where the cases or the
// reference proxy (LOCALPROXY) are missing it says so, and what the page has of them stays. With --check it runs nothing:
// it fails when the page lacks a row, or names another test for one.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { HAS_CONFORMANCE } from "../test/helpers/conformance.ts";
import { type Measured, pageWith, ROWS, type Row, rowsOf } from "./conformance-page.ts";
import { parseJunit } from "./junit.ts";

const PAGE = "docs/conformance.md";

const page = readFileSync(PAGE, "utf8");
const found = rowsOf(page);
if (process.argv.includes("--check")) {
  for (const row of ROWS.filter(({ what, test }) => found.get(what)?.test !== test)) {
    console.error(`${PAGE} has no row "${row.what}" of ${row.test}: run bun scripts/conformance.ts`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(PAGE, pageWith(page, measure(), madeWith()));
}

/** What each row came to; one whose needs are missing has what the page says. */
function measure(): Map<string, Measured> {
  const dir = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    return new Map(ROWS.map((row) => [row.what, isPossible(row) ? run(row, dir) : kept(row)]));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function isPossible({ needs }: Row): boolean {
  if (needs === "cases") return HAS_CONFORMANCE;
  return needs !== "reference" || process.env["LOCALPROXY"] !== undefined;
}

function kept({ what, needs, test }: Row): Measured {
  const place = needs === "cases" ? "../shared/conformance is not there" : "LOCALPROXY names no program";
  console.error(`${what}: ${place}, so the page keeps what it has`);
  return found.get(what) ?? { held: "not run yet", test };
}

/** Throws Error for a test that fails. */
function run({ what, test, tally }: Row, dir: string): Measured {
  const [report, tallies] = [join(dir, "junit.xml"), join(dir, "tallies")];
  rmSync(tallies, { force: true });
  const words = ["test", "--timeout=120000", "--reporter=junit", `--reporter-outfile=${report}`, `./${test}`];
  const env = { ...process.env, TALLY: tallies, NO_COLOR: "1" };
  const { status } = spawnSync("bun", words, { env, stdio: ["ignore", "ignore", "inherit"] });
  const { passed, failed } = parseJunit(readFileSync(report, "utf8"));
  if (status !== 0 || failed.length > 0) throw new Error(`${what}: ${test} failed: ${failed.join(", ")}`);
  if (tally === undefined) return { held: `${passed} tests`, test };
  const lines = existsSync(tallies) ? readFileSync(tallies, "utf8").trim().split("\n") : [];
  const told = lines.map((line) => JSON.parse(line) as { what: string; count: number });
  const count = told.find((each) => each.what === tally)?.count;
  if (count === undefined) throw new Error(`${test} told nothing of ${tally}`);
  const number = count.toLocaleString("en");
  return { held: `${number} of ${number}`, test };
}

/** The programs of others that took part. */
function madeWith(): string {
  const others = [
    firstLine("aws", "--version").split(" ")[0]?.replace("/", " "),
    firstLine("python3", "-c", "import boto3; print('boto3', boto3.__version__)"),
    referenceVersion(),
  ];
  const day = new Date().toISOString().slice(0, 10);
  return `tunnel ${packageJson.version} on ${day}, beside ${others.filter((each) => each).join(", ")}`;
}

/** Where it did not take part, the one of which the page has what it has. */
function referenceVersion(): string {
  const program = process.env["LOCALPROXY"];
  if (program === undefined) return /(?<=, )reference proxy \S+(?=\.$)/m.exec(page)?.[0] ?? "";
  return `reference proxy ${firstLine(program, "--version").split(" ").at(-1)}`;
}

function firstLine(command: string, ...words: readonly string[]): string {
  const { stdout = "" } = spawnSync(command, words, { encoding: "utf8" });
  return (stdout ?? "").split("\n")[0] ?? "";
}
