// Runs the checks, then every test under Bun and the portable tests under Deno, and prints the failed ones and the sum
// at its end. Arguments go to the test runner: parts of file names, or options such as --randomize.
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { CONFORMANCE_MARK, HAS_CONFORMANCE } from "../test/helpers/conformance.ts";
import { REFERENCE_MARK } from "../test/helpers/reference.ts";
import { runChecks } from "./check.ts";
import { parseJunit, type Report } from "./junit.ts";
import { isWanted, readSelection, type Selection, strayPatterns } from "./test-selection.ts";

/** Tests that also run under Deno: everything below the command line. */
const DENO_TESTS = [
  "test/unit/{base,protocol,engine,net,aws,proxy,emulator,agent,lib,tui}/**/*.test.ts",
  "test/property/**/*.test.ts",
  "test/fuzz/*.test.ts",
  "test/runtime/*.test.ts",
];

/** The test of the command line that runs once more with the sources under Deno in place of dist/tunnel. */
const DENO_COMMAND_TEST = "test/e2e/smoke.test.ts";

/** Tests of real programs: they mostly wait, while those of modules compute. */
const PROGRAM_TESTS = "test/e2e/";

/** Programs whose memory and pace are looked at: they have the machine to themselves. */
const LONE_TESTS = /^test\/e2e\/(blocking-echo|bounds|ends|kill-storm|process-end|stall)\.test\.ts$/;

/** Niceness of the tests that compute, beside those of programs. */
const NICENESS = 10;

/** How a runner is run. */
interface How {
  /** Beside another: what it says is shown in one piece, after its end. */
  readonly isAside?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

const NOTHING: Report = { passed: 0, failed: [], skipped: [] };

const selection = selected();
const files = globSync("test/**/*.test.{ts,tsx}");
const stray = strayPatterns(selection, files);
if (stray.length > 0) refuse(`no test file has in its path: ${stray.join(", ")}`);
const reportDir = mkdtempSync(join(tmpdir(), "tunnel-report-"));
try {
  const failedChecks = runChecks();
  const wanted = files.filter((path) => isWanted(path, selection));
  const programs = wanted.filter((path) => path.startsWith(PROGRAM_TESTS));
  const lone = programs.filter((path) => LONE_TESTS.test(path));
  const modules = wanted.filter((path) => !path.startsWith(PROGRAM_TESTS));
  const [beside, aside] = await Promise.all([
    runUnderBun(programs.filter((path) => !lone.includes(path))),
    runAside(modules),
  ]);
  const reports = [beside, ...aside, await runUnderBun(lone), await runCommandsUnderDeno()];
  summarize(reports, failedChecks);
} finally {
  rmSync(reportDir, { recursive: true });
}

function selected(): Selection {
  try {
    return readSelection(process.argv.slice(2), process.cwd());
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(why: string): never {
  console.error(`error: ${why}`);
  process.exit(64);
}

/** The tests of modules, under both runtimes: quietly and with what the programs leave of the machine. */
async function runAside(paths: readonly string[]): Promise<Report[]> {
  return [await runUnderBun(paths, { isAside: true }), await runUnderDeno()];
}

async function runUnderBun(paths: readonly string[], how: How = {}): Promise<Report> {
  if (paths.length === 0) return NOTHING;
  const toArgs = (file: string) => [
    "test",
    "--timeout=20000",
    "--reporter=junit",
    `--reporter-outfile=${file}`,
    ...selection.options,
    // It may be that only files of another run have tests of this name.
    ...(selection.name === undefined ? [] : [`-t=${selection.name}`, "--pass-with-no-tests"]),
    ...paths.map((path) => `./${path}`),
  ];
  return await runTests("bun", toArgs, how);
}

async function runUnderDeno(): Promise<Report> {
  const paths = DENO_TESTS.flatMap((glob) => globSync(glob)).filter((path) => isWanted(path, selection));
  if (paths.length === 0) return NOTHING;
  const settings = ["--config=test/runtime/deno.json", "--no-check", "--allow-all"];
  const filter = selection.name === undefined ? [] : [`--filter=/${selection.name}/`];
  const toArgs = (file: string) => ["test", ...settings, ...filter, `--junit-path=${file}`, ...paths];
  return await runTests("deno", toArgs, { isAside: true });
}

async function runCommandsUnderDeno(): Promise<Report> {
  const paths = [DENO_COMMAND_TEST].filter((path) => isWanted(path, selection));
  return await runUnderBun(paths, { env: { TUNNEL_FROM_SOURCE: "deno" } });
}

/** Runs one runner; when it fails without naming a failed test (a file that does not load), that is a failure. */
async function runTests(
  command: string,
  toArgs: (file: string) => readonly string[],
  how: How,
): Promise<Report> {
  const file = join(mkdtempSync(join(reportDir, "run-")), "junit.xml");
  const status = await exitCodeOf(command, toArgs(file), how);
  const report = readReport(file);
  const isUnnamed = status !== 0 && report.failed.length === 0;
  return isUnnamed ? { ...report, failed: [`${command} test ended with ${status}`] } : report;
}

async function exitCodeOf(
  command: string,
  words: readonly string[],
  { isAside = false, env: more = {} }: How,
): Promise<number | null> {
  const output = isAside ? "pipe" : "inherit";
  const env = { ...cleanEnvironment(), CI: "true", NO_COLOR: "1", ...more };
  const child = spawn(command, words, { stdio: ["ignore", output, output], env });
  if (isAside && child.pid !== undefined) setPriority(child.pid, NICENESS);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
  }
  return await new Promise((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", (code) => {
      process.stdout.write(Buffer.concat(chunks));
      resolve(code);
    });
  });
}

/** The caller's environment without what would lead a test to a real account, web proxy, CA or state directory. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(AWS|AWSIOT|XDG|SSL_CERT|NODE_EXTRA_CA)_|_proxy$|^FORCE_COLOR$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function readReport(file: string): Report {
  try {
    const report = parseJunit(readFileSync(file, "utf8"));
    // Tests of other names are reported as skipped.
    return selection.name === undefined ? report : { ...report, skipped: [] };
  } catch {
    return { ...NOTHING, failed: ["no report of the test runner"] };
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
  const failed = [
    ...failedChecks.map((name) => `check failed: ${name}`),
    ...names.filter((name) => !isSkipAllowed(name)).map((name) => `skipped, counts as failed: ${name}`),
    ...reports.flatMap((report) => report.failed.map((name) => `failed: ${name}`)),
  ];
  for (const line of failed) console.log(line);
  const passed = reports.reduce((sum, report) => sum + report.passed, 0);
  if (failed.length > 0 || passed === 0) process.exitCode = 1;
  if (passed + failed.length === 0) console.log(`no test matches: ${selection.name ?? "anything"}`);
  console.log(`${passed} passed, ${failed.length} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
}
