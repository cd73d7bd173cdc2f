// Runs the checks, then every test under Bun, then the portable tests under Deno, and prints the sum as its last
// line. Arguments go to the test runner: parts of file names, or options such as --randomize.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFORMANCE_MARK, HAS_CONFORMANCE } from "../test/helpers/conformance.ts";
import { REFERENCE_MARK } from "../test/helpers/reference.ts";
import { runChecks } from "./check.ts";
import { parseJunit, type Report } from "./junit.ts";

/** Tests that also run under Deno: everything below the command line. */
const DENO_TESTS = [
  "test/unit/{base,protocol,engine,net,aws,proxy,emulator,agent,tui}/**/*.test.ts",
  "test/property/**/*.test.ts",
  "test/fuzz/*.test.ts",
  "test/runtime/*.test.ts",
];

/** The test of the command line that runs once more with the sources under Deno in place of dist/tunnel. */
const DENO_COMMAND_TEST = "test/e2e/smoke.test.ts";

const NOTHING: Report = { passed: 0, failed: 0, skipped: [] };

const args = process.argv.slice(2);
const patterns = args.filter((arg) => !arg.startsWith("-"));
const reportDir = mkdtempSync(join(tmpdir(), "tunnel-report-"));
try {
  const failedChecks = runChecks();
  const reports = [runUnderBun(), runUnderDeno(), runCommandsUnderDeno()];
  summarize(reports, failedChecks);
} finally {
  rmSync(reportDir, { recursive: true });
}

function runUnderBun(): Report {
  return runTests("bun", (file) => [...bunTest(file), ...args]);
}

function runUnderDeno(): Report {
  const paths = DENO_TESTS.flatMap((glob) => globSync(glob)).filter(isWanted);
  if (paths.length === 0) return NOTHING;
  const options = ["--config=test/runtime/deno.json", "--no-check", "--allow-all"];
  return runTests("deno", (file) => ["test", ...options, `--junit-path=${file}`, ...paths]);
}

function runCommandsUnderDeno(): Report {
  if (!isWanted(DENO_COMMAND_TEST)) return NOTHING;
  return runTests("bun", (file) => [...bunTest(file), DENO_COMMAND_TEST], { TUNNEL_FROM_SOURCE: "deno" });
}

function isWanted(path: string): boolean {
  return patterns.length === 0 || patterns.some((pattern) => path.includes(pattern));
}

function bunTest(file: string): string[] {
  return ["test", "--timeout=20000", "--reporter=junit", `--reporter-outfile=${file}`];
}

/** Runs one runner; when it fails without naming a failed test (a file that does not load), that is a failure. */
function runTests(
  command: string,
  toArgs: (file: string) => readonly string[],
  extraEnv: NodeJS.ProcessEnv = {},
): Report {
  const file = join(mkdtempSync(join(reportDir, "run-")), "junit.xml");
  const env = { ...cleanEnvironment(), CI: "true", NO_COLOR: "1", ...extraEnv };
  const { status } = spawnSync(command, toArgs(file), { stdio: ["ignore", "inherit", "inherit"], env });
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

/** Only tests against the reference proxy and with foreign cases may be skipped, and only while there are none. */
function isSkipAllowed(name: string): boolean {
  return (
    (name.includes(REFERENCE_MARK) && process.env["LOCALPROXY"] === undefined) ||
    (name.includes(CONFORMANCE_MARK) && !HAS_CONFORMANCE)
  );
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
