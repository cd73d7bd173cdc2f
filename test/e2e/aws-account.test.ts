// As whom and for which region commands sign, beside the AWS CLI with the same environment, files and flags: a tunnel
// opened in another account than its user means is the worst that can happen here.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { type Aws, type AwsVisitor, startAws } from "../helpers/aws.ts";
import { type AwsCli, startAwsCli } from "../helpers/aws-cli.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel } from "../helpers/tunnel.ts";
import { FILES } from "../vectors/aws-files.ts";
import { ENVIRONMENT, REGION, type Row } from "../vectors/aws-profiles.ts";
import { PROGRAMS, ROLES } from "../vectors/aws-roles.ts";
import { IDENTITY_CENTER } from "../vectors/aws-sso.ts";

const REGIONS = ["us-east-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-central-1"];

let aws: Aws;
let cli: AwsCli;
beforeAll(async () => {
  aws = await startAws(REGIONS);
  cli = startAwsCli();
});
afterAll(async () => {
  cli[Symbol.dispose]();
  await aws[Symbol.asyncDispose]();
});

/** Makes the row's home directory and environment, in which HOME and PLAIN stand for what is known only now. */
function prepare({ env = {}, config, credentials, files = {} }: Row, aws: AwsVisitor) {
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

/** Of one row with its waiting for a turn. */
const LIMIT_MS = 60_000;

interface Outcome {
  readonly host: string | undefined;
  readonly signed: Row["signed"];
  readonly before: readonly string[];
}

function outcomeOf(aws: AwsVisitor): Outcome {
  const { seen } = aws;
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
  await using visitor = await aws.visit();
  using home = prepare(row, visitor);
  await cli.call([...(row.flags ?? []), "iotsecuretunneling", "list-tunnels"], home.env);
  return outcomeOf(visitor); // the requests tell how it went
}

async function byTunnel(row: Row): Promise<Outcome & { readonly stderr: string }> {
  await using visitor = await aws.visit();
  using home = prepare(row, visitor);
  const { stderr } = await runTunnel(["list", ...(row.flags ?? [])], home.env);
  return { ...outcomeOf(visitor), stderr };
}

/** Rows at once: more than there are processors, since each waits for others too. */
const turns = Array.from({ length: cpus().length + 1 }, () => Promise.resolve());
let taken = 0;

/** Does the work when it is its turn. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const lane = taken++ % turns.length;
  const done = (turns[lane] ?? Promise.resolve()).then(work);
  turns[lane] = done.then(
    () => {},
    () => {},
  );
  return done;
}

describe.each([
  ["environment and profile", ENVIRONMENT],
  ["region", REGION],
  ["files", FILES],
  ["roles", ROLES],
  ["programs and containers", PROGRAMS],
  ["Identity Center", IDENTITY_CENTER],
] as const)("as the AWS CLI: %s", (_title, rows) => {
  test.concurrent.each(Object.entries(rows))(
    "%s",
    async (_name, row) => {
      const { signed, before = [], host } = row;
      const usual = signed === "nothing" ? undefined : `api.tunneling.iot.${signed[1]}.amazonaws.com`;
      const expected: Outcome = { host: host ?? usual, signed, before };
      const [{ stderr, ...tunnel }, awsCli] = await inTurn(() =>
        Promise.all([byTunnel(row), row.isVersion2 === true && cli.isVersion1 ? expected : byAwsCli(row)]),
      );
      expect(tunnel, stderr).toEqual(expected);
      if (row.said !== undefined) expect(stderr).toMatch(row.said);
      expect(awsCli).toEqual(expected);
    },
    LIMIT_MS,
  );
});
