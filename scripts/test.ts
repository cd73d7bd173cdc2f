// Runs the checks, then every test under Bun, then the portable tests under Deno, and prints the sum as its last
// line. Arguments go to the test runner: parts of file names, or options such as --randomize.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REFERENCE_MARK } from "../test/helpers/reference.ts";
import { runChecks } from "./check.ts";
import { parseJunit, type Report } from "./junit.ts";

/** Tests that also run under Deno: the pure layers, and where the two runtimes differ most. */
const DENO_TESTS = [
  "test/unit/{protocol,engine}/**/*.test.ts",
  "test/property/**/*.test.ts",
  "test/runtime/*.test.ts",
];

const NOTHING: Report = { passed: 0, failed: 0, skipped: [] };

const args = process.argv.slice(2);
const patterns = args.filter((arg) => !arg.startsWith("-"));
const reportDir = mkdtempSync(join(tmpdir(), "tunnel-report-"));
try {
  const failedChecks = runChecks();
  const reports = [runUnderBun(), runUnderDeno()];
  summarize(reports, failedChecks);
} finally {
  rmSync(reportDir, { recursive: true });
}

function runUnderBun(): Report {
  const file = join(reportDir, "bun.xml");
  return runTests(file, "bun", [
    "test",
    "--timeout=20000",
    "--reporter=junit",
    `--reporter-outfile=${file}`,
    ...args,
  ]);
}

function runUnderDeno(): Report {
  const paths = DENO_TESTS.flatMap((glob) => globSync(glob)).filter(
    (path) => patterns.length === 0 || patterns.some((pattern) => path.includes(pattern)),
  );
  if (paths.length === 0) return NOTHING;
  const file = join(reportDir, "deno.xml");
  return runTests(file, "deno", [
    "test",
    "--config=test/runtime/deno.json",
    "--no-check",
    "--allow-all",
    `--junit-path=${file}`,
    ...paths,
  ]);
}

/** Runs one runner; when it fails without naming a failed test (a file that does not load), that is a failure. */
function runTests(file: string, command: string, commandArgs: readonly string[]): Report {
  const env = { ...cleanEnvironment(), CI: "true", NO_COLOR: "1" };
  const { status } = spawnSync(command, commandArgs, { stdio: ["ignore", "inherit", "inherit"], env });
  const report = readReport(file);
  return status !== 0 && report.failed === 0 ? { ...report, failed: 1 } : report;
}

/** The caller's environment without what would lead a test to a real account, web proxy, CA or state directory. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(AWS|AWSIOT|XDG|SSL_CERT|NODE_EXTRA_CA)_|_proxy$|^FORCE_COLOR$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function readReport(file: string): Report {
  try {
    return parseJunit(readFileSync(file, "utf8"));
  } catch {
    return { ...NOTHING, failed: 1 };
  }
}

/** Only tests against the reference proxy may be skipped, and only while there is none. */
function isSkipAllowed(name: string): boolean {
  return name.includes(REFERENCE_MARK) && process.env["LOCALPROXY"] === undefined;
}

function summarize(reports: readonly Report[], failedChecks: readonly string[]): void {
  const names = reports.flatMap((report) => report.skipped);
  const skipped = names.filter(isSkipAllowed).length;
  const forbidden = names.filter((name) => !isSkipAllowed(name));
  for (const name of forbidden) console.log(`skipped, counts as failed: ${name}`);
  for (const name of failedChecks) console.log(`check failed: ${name}`);
  const passed = reports.reduce((sum, report) => sum + report.passed, 0);
  const failed =
    reports.reduce((sum, report) => sum + report.failed, 0) + forbidden.length + failedChecks.length;
  if (failed > 0 || passed === 0) process.exitCode = 1;
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
}
