// Whatever a service, an argument or the environment says: no command writes to its output what a terminal would obey,
// or what would pass for a line of ours. Every command of the table is tried, so a new one is too.
import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import type { Command } from "../../src/cli/words/command.ts";
import { COMMANDS } from "../../src/cli/words/command-table.ts";
import { startFakeService } from "../helpers/fake-service.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { tunnelCommand } from "../helpers/tunnel.ts";

const INJECTED = "INJECTED: tunnel close all";
const HOSTILE = `a\u001b]0;title\u0007\u001b[2J\u009b2J\u009d0;x\u009c\u202eb\u2066\u200b\u200d\ufeff\u{e0041}\u2028\u0085\r\n${INJECTED}\n${INJECTED}`;
/** Line breaks and tabs are ours: that none is foreign shows the injected line. */
const UNSAFE = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
/** What has not ended by then is told to. */
const LASTING_MS = 2_500;
const ID = "1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d";
const ARN = `arn:aws:iot:us-east-1:123456789012:tunnel/${ID}`;

const SIDE = { status: HOSTILE, lastUpdatedAt: 1_790_000_000 };
const TUNNEL = {
  tunnelId: `${ID}${HOSTILE}`,
  tunnelArn: `${ARN}${HOSTILE}`,
  status: "OPEN",
  description: HOSTILE,
  createdAt: 1_790_000_000,
  sourceConnectionState: SIDE,
  destinationConnectionState: SIDE,
  destinationConfig: { thingName: HOSTILE, services: [HOSTILE, "SSH"] },
  timeoutConfig: { maxLifetimeTimeoutMinutes: 720 },
  tags: [{ key: HOSTILE, value: HOSTILE }],
};
const TOKENS = {
  tunnelId: TUNNEL.tunnelId,
  tunnelArn: TUNNEL.tunnelArn,
  sourceAccessToken: "AQGAAXsource",
  destinationAccessToken: HOSTILE,
};
const ANSWERS: Readonly<Record<string, unknown>> = {
  ListTunnels: { tunnelSummaries: [TUNNEL, { ...TUNNEL, status: HOSTILE }] },
  DescribeTunnel: { tunnel: TUNNEL },
  ListTagsForResource: { tags: TUNNEL.tags },
  OpenTunnel: TOKENS,
  RotateTunnelAccessToken: TOKENS,
  CloseTunnel: {},
  TagResource: {},
  UntagResource: {},
};

const OPERANDS: Readonly<Record<string, string>> = {
  ID,
  "ID|ARN": ID,
  THING: "pump-7",
  NAME: "pump-7",
  SHELL: "bash",
};

/** Words that let a command come far. */
function wordsOf(
  { name, operands = [], options, isVerbatim }: Command,
  foreign: string | undefined,
): string[] {
  if (isVerbatim) return [name, "-s", "5555", "-t", foreign ?? "AQGAAXtoken", "-r", "us-east-1", "-v", "6"];
  const values: [string, string, string][] = [
    ["thing", "--thing", "pump-7"],
    ["service", "--service", "SSH"],
    ["description", "--description", "a"],
    ["rotateMode", "--mode", "source"],
    ["listenOn", "-p", "SSH=0"],
    ["wait", "--wait", "1s"],
  ];
  const flags = values.filter(([key]) => (options as readonly string[]).includes(key));
  return [
    ...name.split(" "),
    ...flags.flatMap(([, flag, value]) => [
      flag,
      flag === "--wait" || flag === "--mode" ? value : (foreign ?? value),
    ]),
    ...operands.filter(({ required }) => required).map((each) => foreign ?? OPERANDS[each.name] ?? "bash"),
  ];
}

async function outputOf(words: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  using home = tempDir();
  const [command, ...first] = tunnelCommand();
  const child = spawn(command, [...first, ...words], {
    env: { PATH: process.env["PATH"], HOME: home.path, TERM: "dumb", NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const deadline = setTimeout(() => child.kill("SIGTERM"), LASTING_MS);
  const lastResort = setTimeout(() => child.kill("SIGKILL"), 4 * LASTING_MS);
  const [out, err] = await Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, "close")]);
  clearTimeout(deadline);
  clearTimeout(lastResort);
  const text = `${out.toString("utf8")}${err.toString("utf8")}`;
  // OpenSSH ends its own lines so.
  return words[0] === "ssh" ? text.replaceAll("\r\n", "\n") : text;
}

function expectHarmless(output: string): void {
  expect(JSON.stringify(UNSAFE.exec(output)?.[0])).toBeUndefined();
  expect(output.split("\n").filter((line) => line.trimStart().startsWith(INJECTED))).toEqual([]);
}

const BAD = { __type: `${HOSTILE}Exception`, message: HOSTILE };
const forms = COMMANDS.flatMap((command) => [
  { command, more: [] },
  { command, more: ["--json"] },
  ...(command.options.includes("watch") ? [{ command, more: ["--watch"] }] : []),
]).filter(({ command, more }) => !command.isVerbatim || more.length === 0);
const table = forms.map(({ command, more }) => [[command.name, ...more].join(" "), command, more] as const);

describe("a hostile service", () => {
  test.each(table)(
    "%s",
    async (_, command, more) => {
      await using service = await startFakeService({
        answer: (operation) => (ANSWERS[operation] ? { status: 200, body: ANSWERS[operation] } : undefined),
        portal: HOSTILE,
      });
      const words = [
        ...wordsOf(command, undefined),
        ...(command.isVerbatim ? [] : [...service.args, "--ca", service.ca]),
        ...more,
      ];
      expectHarmless(await outputOf(words, { ...service.env, TUNNEL_MQTT_ENDPOINT: "localhost:1" }));
    },
    30_000,
  );

  test.each([400, 403, 500])(
    "whose errors, with status %d, are hostile",
    async (status) => {
      await using service = await startFakeService({ answer: () => ({ status, body: BAD }) });
      for (const words of [
        ["list"],
        ["describe", ID],
        ["tag", ID],
        ["close", ID],
        ["doctor"],
        ["list", "--json"],
      ]) {
        const output = await outputOf([...words, ...service.args, "--ca", service.ca], {
          ...service.env,
          AWS_MAX_ATTEMPTS: "1",
        });
        expect(output).not.toBe("");
        expectHarmless(output);
      }
    },
    60_000,
  );
});

test("what the service calls a tunnel is shown, as escapes", async () => {
  await using service = await startFakeService({
    answer: () => ({ status: 200, body: ANSWERS["ListTunnels"] }),
  });
  const run = (...more: string[]) =>
    outputOf(["list", ...service.args, "--ca", service.ca, ...more], service.env);
  expect(await run()).toContain("\\u001b]0;title\\u0007");
  const [line = ""] = (await run("--json")).split("\n");
  expect(JSON.parse(line).tunnelSummaries[0].description).toBe(HOSTILE);
});

test("an option with a line break begins no line of an ssh configuration", async () => {
  const output = await outputOf(["ssh-config", "--profile", "a\nHost *\n  ProxyCommand evil"], {});
  expect(output).toContain("cannot stand in a line of an ssh configuration");
  expect(output).not.toMatch(/^ *(Host|ProxyCommand) /m);
});

describe("hostile words and variables", () => {
  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    "%s",
    async (_, command) => {
      const env = { AWS_REGION: HOSTILE, TUNNEL_MQTT_ENDPOINT: HOSTILE };
      expectHarmless(await outputOf(wordsOf(command, HOSTILE), { AWS_REGION: "us-east-1" }));
      expectHarmless(await outputOf(wordsOf(command, undefined), env));
      expectHarmless(await outputOf([...command.name.split(" "), `--${HOSTILE}`], {}));
    },
    30_000,
  );
});
