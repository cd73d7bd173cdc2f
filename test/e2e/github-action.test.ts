// The steps of action.yml as a runner would run them, up to a call of the AWS CLI in a later step; and what can be said
// of the Containerfile without an engine.
import { expect, test } from "bun:test";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseArgv } from "../../src/cli/words/argv.ts";
import { COMMANDS } from "../../src/cli/words/command-table.ts";
import { AWS } from "../helpers/aws-tools.ts";
import { startHttpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { BINARY } from "../helpers/tunnel.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly runs: {
    readonly steps: readonly { readonly run: string; readonly env: Record<string, string> }[];
  };
}

/** The file names of a runner, and what its steps have written there so far. */
class Runner {
  readonly #dir: string;
  readonly #inputs: Readonly<Record<string, string>>;

  constructor(dir: string, inputs: Readonly<Record<string, string>>) {
    this.#dir = dir;
    this.#inputs = inputs;
    for (const name of ["env", "path", "output"]) writeFileSync(join(dir, name), "");
    mkdirSync(join(dir, "temp"));
  }

  read(name: "env" | "path" | "output"): string[] {
    return readFileSync(join(this.#dir, name), "utf8").split("\n").filter(Boolean);
  }

  get env(): NodeJS.ProcessEnv {
    return {
      PATH: [...this.read("path"), process.env["PATH"]].join(":"),
      HOME: this.#dir,
      RUNNER_TEMP: join(this.#dir, "temp"),
      GITHUB_ENV: join(this.#dir, "env"),
      GITHUB_PATH: join(this.#dir, "path"),
      GITHUB_OUTPUT: join(this.#dir, "output"),
      ...Object.fromEntries(this.read("env").map((line) => line.split(/=(.*)/s).slice(0, 2))),
    };
  }

  async step(script: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    const given = Object.entries(env).map(([name, text]) => [name, this.#filled(text)]);
    const words = ["--noprofile", "--norc", "-eo", "pipefail", "-c", script];
    const { stdout } = await run("bash", words, { env: { ...this.env, ...Object.fromEntries(given) } });
    return stdout;
  }

  #filled(text: string): string {
    return text.replaceAll(/\$\{\{ inputs\.([\w-]+) \}\}/g, (_, name) => this.#inputs[name] ?? "");
  }
}

test("the action installs, starts the service, and leads the AWS CLI of later steps to it", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(tempDir());
  const release = stack.use(
    await startHttpServer((_, response) =>
      response.end(`mkdir -p "$HOME/.local/bin" && cp ${BINARY} "$HOME/.local/bin/tunnel"\n`),
    ),
  );
  const { inputs, runs } = Bun.YAML.parse(readFileSync(join(ROOT, "action.yml"), "utf8")) as Action;
  const defaults = Object.fromEntries(Object.entries(inputs).map(([name, each]) => [name, each.default]));
  expect(defaults).toMatchObject({ listen: "127.0.0.1:8443", "mqtt-listen": "127.0.0.1:8883" });
  const runner = new Runner(dir.path, {
    ...defaults,
    "release-url": `http://127.0.0.1:${release.port}`,
    listen: "127.0.0.1:0",
    "mqtt-listen": "127.0.0.1:0",
  });
  stack.defer(() => endServeLocal(dir.path));
  for (const step of runs.steps) await runner.step(step.run, step.env);
  expect(runner.read("output")).toEqual([`state-dir=${join(dir.path, "temp/tunnel")}`]);
  const opened = await runner.step("tunnel open --service SSH --thing pump-7 --json");
  const listed = await runner.step(
    `${AWS} --output json --endpoint-url "$AWS_ENDPOINT_URL_IOTSECURETUNNELING" iotsecuretunneling list-tunnels --thing-name pump-7`,
  );
  const { tunnelSummaries } = JSON.parse(listed);
  expect(tunnelSummaries).toMatchObject([{ tunnelId: JSON.parse(opened).tunnelId, status: "OPEN" }]);
}, 60_000);

test("the action tells why serve-local does not start", async () => {
  using dir = tempDir();
  const { runs } = Bun.YAML.parse(readFileSync(join(ROOT, "action.yml"), "utf8")) as Action;
  const runner = new Runner(dir.path, { listen: "0.0.0.0:0", "mqtt-listen": "127.0.0.1:0" });
  mkdirSync(join(dir.path, "bin"));
  execFileSync("ln", ["-s", BINARY, join(dir.path, "bin/tunnel")]);
  writeFileSync(join(dir.path, "path"), join(dir.path, "bin"));
  const [, start] = runs.steps;
  const failure = await runner.step(start?.run ?? "", start?.env).catch((error: Error) => error);
  expect(String(failure)).toContain("loopback");
});

/** Ends the service of the action, as the runner does with what a job leaves behind. */
function endServeLocal(dir: string): void {
  const file = join(dir, "temp/tunnel/local/endpoint.json");
  if (!existsSync(file)) return;
  const { pid } = JSON.parse(readFileSync(file, "utf8"));
  process.kill(pid, "SIGTERM");
}

test("the Containerfile copies what scripts/build makes, which needs no library but glibc, and its command is one of ours", () => {
  const lines = readFileSync(join(ROOT, "Containerfile"), "utf8").split("\n");
  const wordsOf = (name: string) =>
    lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? "";
  const [source = "", place] = wordsOf("COPY").split(" ");
  expect(existsSync(join(ROOT, source))).toBe(true);
  expect(JSON.parse(wordsOf("ENTRYPOINT"))).toEqual([place]);
  expect(parseArgv(JSON.parse(wordsOf("CMD")), COMMANDS)).toMatchObject({ command: { name: "serve-local" } });
  const needed = execFileSync("ldd", [BINARY], { encoding: "utf8" });
  const libraries = [...needed.matchAll(/^\s+(\S+?)\.so/gm)].map(([, name = ""]) => name.split("/").at(-1));
  const glibc = ["linux-vdso", "libc", "libm", "libdl", "libpthread", "ld-linux-x86-64", "ld-linux-aarch64"];
  expect(libraries.filter((name) => !glibc.includes(name ?? ""))).toEqual([]);
});
