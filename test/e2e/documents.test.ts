// What README and docs say to type, typed: each document in a home of its own, with a real ssh server as its device.
import { describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Block, blocksOf, documents, spansOf } from "../../scripts/documents.ts";
import { shellCommands } from "../../scripts/shell-words.ts";
import { quoteForShell } from "../../src/base/shell.ts";
import { AWS, PYTHON } from "../helpers/aws-tools.ts";
import { asWritten, blocksToRun, type Places, scriptOf } from "../helpers/document-script.ts";
import { TestProcess } from "../helpers/process.ts";
import { freePort, startHttpServer } from "../helpers/servers.ts";
import { startSshd } from "../helpers/sshd.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { tunnelCommand } from "../helpers/tunnel.ts";
import { within } from "../helpers/wait.ts";

const run = promisify(execFile);
const PATIENCE_MS = 120_000;
const ROOT = join(import.meta.dirname, "../..");

const pages = documents()
  .map((name) => ({ name, blocks: blocksToRun(readFileSync(join(ROOT, name), "utf8")) }))
  .filter(({ blocks }) => blocks.length > 0);

test("there is something to run in the README and on four pages", () => {
  expect(pages.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "README.md",
      "docs/ci-and-emulator.md",
      "docs/configuration.md",
      "docs/device.md",
      "docs/operator.md",
    ]),
  );
});

/** Commands of the AWS CLI that call a service, in blocks that are not run and in sentences. */
const awsCommands = documents().flatMap((name) => {
  const page = readFileSync(join(ROOT, name), "utf8");
  const blocks = blocksOf(page).filter(({ language, how }) => language === "sh" && how.length === 0);
  const texts = [
    ...blocks.map(({ text }) => text),
    ...spansOf(page).filter((code) => /^aws [a-z]/.test(code)),
  ];
  return texts
    .flatMap(shellCommands)
    .filter(([program, service]) => program === "aws" && service !== "configure");
});

test(
  "the AWS CLI takes what we tell to ask AWS",
  async () => {
    expect(awsCommands.length).toBeGreaterThan(1);
    const env = {
      PATH: process.env["PATH"],
      AWS_DEFAULT_REGION: "eu-west-1",
      AWS_EC2_METADATA_DISABLED: "true",
    };
    for (const [, ...words] of awsCommands) {
      // It reads its words, prints what the operation takes, and calls nobody.
      await run(AWS, [...words, "--generate-cli-skeleton", "input"], { env });
    }
  },
  PATIENCE_MS,
);

describe("typed as written", () => {
  test.each(pages)(
    "$name",
    async ({ blocks }) => {
      await using stack = new AsyncDisposableStack();
      const dir = stack.use(tempDir());
      const sshd = stack.use(await startSshd());
      const web = stack.use(await startHttpServer((_, response) => response.end("hello")));
      const [service, broker, listener, metrics] = await Promise.all([1, 2, 3, 4].map(freePort));
      const places = {
        8443: service,
        8883: broker,
        2222: listener,
        9464: metrics,
        "SSH=22": sshd.port,
        "WEB=8080": web.port,
      } as Places;
      install(join(dir.path, "bin"), {
        // Without words it listens where the page says that it does by default, which another test may do at the same time.
        tunnel: `[ "$*" = serve-local ] && set -- serve-local --listen 127.0.0.1:${service} --mqtt-listen 127.0.0.1:${broker}\nexec ${shellLine(tunnelCommand())} "$@"`,
        ssh: `exec /usr/bin/ssh ${shellLine(sshd.clientOptions)} "$@"`,
        aws: `exec ${AWS} "$@"`,
        python3: `exec ${PYTHON} "$@"`,
      });
      const { code, output } = await runScript(scriptOf(blocks, places), dir.path);
      expect({ code, output }).toEqual({ code: 0, output: expect.any(String) });
      const said = normal(asWritten(output.replaceAll(dir.path, "~"), places));
      for (const line of blocks.flatMap(answersOf)) expect(said).toContain(normal(line));
    },
    PATIENCE_MS,
  );
});

async function runScript(script: string, home: string): Promise<{ code: number | null; output: string }> {
  const env = {
    PATH: `${join(home, "bin")}:${process.env["PATH"]}`,
    HOME: home,
    NO_COLOR: "1",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PAGER: "",
  };
  // It also ends what the page left running, should the page hang.
  const words = ["--kill-after=5", "100", "bash", "-c", `cd ${home}\n${script}`];
  await using bash = new TestProcess("timeout", words, env);
  const { code } = await within("the end of the page's commands", bash.exited, PATIENCE_MS);
  return { code, output: `${bash.stdout}\n${bash.stderr}` };
}

function install(directory: string, programs: Readonly<Record<string, string>>): void {
  mkdirSync(directory);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, name), 0o755);
  }
}

function shellLine(words: readonly string[]): string {
  return words.map(quoteForShell).join(" ");
}

/** What a console block shows as answers. */
function answersOf({ language, text }: Block): string[] {
  return language === "console"
    ? text.split("\n").filter((line) => line !== "" && !line.startsWith("$ "))
    : [];
}

/** Without what is another one each time: ids and times. */
function normal(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID")
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "DATE")
    .replaceAll(/\d\d:\d\d:\d\d/g, "TIME");
}
