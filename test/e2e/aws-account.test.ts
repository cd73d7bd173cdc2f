// As whom and for which region commands sign, beside the AWS CLI with the same environment, files and flags: a tunnel
// opened in another account than its user means is the worst that can happen here.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Aws, startAws } from "../helpers/aws.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel } from "../helpers/tunnel.ts";
import { FILES } from "../vectors/aws-files.ts";
import { ENVIRONMENT, REGION, type Row } from "../vectors/aws-profiles.ts";
import { PROGRAMS, ROLES } from "../vectors/aws-roles.ts";
import { IDENTITY_CENTER } from "../vectors/aws-sso.ts";

const run = promisify(execFile);

/** Debian's AWS CLI where it is installed, else the one on PATH. */
const AWS = existsSync("/usr/bin/aws") ? "/usr/bin/aws" : "aws";
/** Version 1 knows neither AWS_REGION nor the order of the two variables for profiles. */
const IS_VERSION_1 = execFileSync(AWS, ["--version"], { encoding: "utf8" }).startsWith("aws-cli/1.");

const REGIONS = ["us-east-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-central-1"];

/** What each program is sent to. */
let ours: Aws;
let theirs: Aws;
beforeAll(async () => {
  [ours, theirs] = await Promise.all([startAws(REGIONS), startAws(REGIONS)]);
});
afterAll(async () => {
  await ours[Symbol.asyncDispose]();
  await theirs[Symbol.asyncDispose]();
});

/** Makes the row's home directory and environment, in which HOME and PLAIN stand for what is known only now. */
function prepare({ env = {}, config, credentials, files = {} }: Row, aws: Aws) {
  const home = tempDir();
  const fill = (text: string) => text.replaceAll("HOME/", `${home.path}/`).replaceAll("PLAIN", aws.plainUrl);
  const all = {
    ...(config !== undefined && { ".aws/config": config }),
    ...(credentials !== undefined && { ".aws/credentials": credentials }),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    const path = join(home.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, fill(text), { mode: 0o600 });
    if (text.startsWith("#!")) chmodSync(path, 0o700);
  }
  const filled = Object.entries(env).map(([key, value]) => [
    key,
    value.startsWith("$") ? value : fill(value),
  ]);
  const full = { PATH: process.env["PATH"], ...aws.env, ...Object.fromEntries(filled), HOME: home.path };
  return { env: full as NodeJS.ProcessEnv, [Symbol.dispose]: () => home[Symbol.dispose]() };
}

/** The AWS CLI takes a second of a processor to start. */
const LIMIT_MS = 60_000;

interface Outcome {
  readonly host: string | undefined;
  readonly signed: Row["signed"];
  readonly before: readonly string[];
}

function outcomeOf(aws: Aws): Outcome {
  const seen = aws.take();
  const last = seen.find(({ what }) => what === "ListTunnels");
  const before = seen.filter((each) => each !== last);
  const { accessKeyId = "", region = "", sessionToken } = last ?? {};
  return {
    host: last?.host,
    signed:
      last === undefined
        ? "nothing"
        : ([accessKeyId, region, ...(sessionToken ? [sessionToken] : [])] as never),
    before: before.map((each) => {
      const host = aws.plainUrl.endsWith(each.host) ? "PLAIN" : each.host;
      return `${each.what} by ${each.accessKeyId ?? "nobody"} at ${host}`;
    }),
  };
}

async function byAwsCli(row: Row): Promise<Outcome> {
  using home = prepare(row, theirs);
  const args = [...(row.flags ?? []), "iotsecuretunneling", "list-tunnels"];
  await run(AWS, args, { env: home.env }).catch(() => {}); // the requests tell how it went
  return outcomeOf(theirs);
}

async function byTunnel(row: Row): Promise<Outcome & { readonly stderr: string }> {
  using home = prepare(row, ours);
  const { stderr } = await runTunnel(["list", ...(row.flags ?? [])], home.env);
  return { ...outcomeOf(ours), stderr };
}

describe.each([
  ["environment and profile", ENVIRONMENT],
  ["region", REGION],
  ["files", FILES],
  ["roles", ROLES],
  ["programs and containers", PROGRAMS],
  ["Identity Center", IDENTITY_CENTER],
] as const)("as the AWS CLI: %s", (_title, rows) => {
  test.each(Object.entries(rows))(
    "%s",
    async (_name, row) => {
      const { signed, before = [], host } = row;
      const usual = signed === "nothing" ? undefined : `api.tunneling.iot.${signed[1]}.amazonaws.com`;
      const expected: Outcome = { host: host ?? usual, signed, before };
      const [{ stderr, ...tunnel }, awsCli] = await Promise.all([
        byTunnel(row),
        row.isVersion2 === true && IS_VERSION_1 ? expected : byAwsCli(row),
      ]);
      expect(tunnel, stderr).toEqual(expected);
      if (row.said !== undefined) expect(stderr).toMatch(row.said);
      expect(awsCli).toEqual(expected);
    },
    LIMIT_MS,
  );
});
