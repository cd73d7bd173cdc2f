// The AWS CLI and boto3, unchanged, against a served emulator: what scripts written for the service will do.
import { describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { OPERATIONS } from "../../src/emulator/control-plane/operations.ts";
import type { RunningEmulator } from "../../src/emulator/server/serve.ts";
import { AWS, PYTHON } from "../helpers/aws-tools.ts";
import { startEmulator } from "../helpers/emulator.ts";
import { tempDir } from "../helpers/temp-dir.ts";

const run = promisify(execFile);

const TOKEN = expect.stringMatching(/^AQGAAX[A-Za-z0-9_=-]{194,994}$/);
const ID = expect.stringMatching(/^[0-9a-f-]{36}$/);
const ARN = expect.stringMatching(/^arn:aws:iot:us-east-1:123456789012:tunnel\/[0-9a-f-]{36}$/);
const BOTO3_SCRIPT = join(import.meta.dirname, "control-plane.py");

/** Environment in which no setting of the user reaches the AWS tools. */
function environment(emulator: RunningEmulator, home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: home,
    AWS_ENDPOINT_URL: emulator.endpoint.controlPlane,
    AWS_CA_BUNDLE: emulator.endpoint.ca,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_PAGER: "",
    AWS_MAX_ATTEMPTS: "1",
  };
}

interface CliResult {
  readonly code: number;
  readonly answer: unknown;
  readonly stderr: string;
}

/** Calls `aws iotsecuretunneling …` as a user would. */
async function cli(emulator: RunningEmulator, ...args: string[]): Promise<CliResult> {
  using home = tempDir();
  const { controlPlane, ca } = emulator.endpoint;
  const all = [
    "--endpoint-url",
    controlPlane,
    "--ca-bundle",
    ca,
    "--output",
    "json",
    "iotsecuretunneling",
    ...args,
  ];
  try {
    const { stdout, stderr } = await run(AWS, all, { env: environment(emulator, home.path) });
    return { code: 0, answer: stdout.trim() === "" ? {} : JSON.parse(stdout), stderr };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, answer: undefined, stderr };
  }
}

async function answerOf(emulator: RunningEmulator, ...args: string[]): Promise<Record<string, string>> {
  const { code, answer, stderr } = await cli(emulator, ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return answer as Record<string, string>;
}

describe("the AWS CLI", () => {
  test("opens, describes, lists, rotates, tags, closes and deletes a tunnel", async () => {
    await using emulator = await startEmulator();
    const aws = (...args: string[]) => answerOf(emulator, ...args);
    const opened = await aws(
      "open-tunnel",
      "--description",
      "Pumpe n° 7",
      "--destination-config",
      "thingName=pump-7,services=SSH,VNC",
      "--timeout-config",
      "maxLifetimeTimeoutMinutes=60",
      "--tags",
      "key=team,value=water",
    );
    expect(opened).toEqual({
      tunnelId: ID,
      tunnelArn: ARN,
      sourceAccessToken: TOKEN,
      destinationAccessToken: TOKEN,
    } as never);
    const { tunnelId = "", tunnelArn = "" } = opened;
    const { tunnel } = (await aws("describe-tunnel", "--tunnel-id", tunnelId)) as never as { tunnel: object };
    expect(tunnel).toMatchObject({
      tunnelId,
      tunnelArn,
      status: "OPEN",
      sourceConnectionState: { status: "DISCONNECTED" },
      destinationConnectionState: { status: "DISCONNECTED" },
      description: "Pumpe n° 7",
      destinationConfig: { thingName: "pump-7", services: ["SSH", "VNC"] },
      timeoutConfig: { maxLifetimeTimeoutMinutes: 60 },
      tags: [{ key: "team", value: "water" }],
    });
    const summary = { tunnelId, tunnelArn, status: "OPEN", description: "Pumpe n° 7" };
    expect(await aws("list-tunnels", "--thing-name", "pump-7", "--max-results", "5")).toMatchObject({
      tunnelSummaries: [summary],
    } as never);
    expect(await aws("list-tunnels", "--thing-name", "pump-8")).toEqual({ tunnelSummaries: [] } as never);
    const rotate = ["rotate-tunnel-access-token", "--tunnel-id", tunnelId, "--client-mode"];
    expect(await aws(...rotate, "ALL")).toEqual({
      tunnelArn,
      sourceAccessToken: TOKEN,
      destinationAccessToken: TOKEN,
    } as never);
    expect(await aws("tag-resource", "--resource-arn", tunnelArn, "--tags", "key=stage,value=test")).toEqual(
      {},
    );
    expect(await aws("untag-resource", "--resource-arn", tunnelArn, "--tag-keys", "team")).toEqual({});
    expect(await aws("list-tags-for-resource", "--resource-arn", tunnelArn)).toEqual({
      tags: [{ key: "stage", value: "test" }],
    } as never);
    expect(await aws("close-tunnel", "--tunnel-id", tunnelId)).toEqual({});
    expect(await aws("list-tunnels")).toMatchObject({
      tunnelSummaries: [{ ...summary, status: "CLOSED" }],
    } as never);
    expect(await aws("close-tunnel", "--tunnel-id", tunnelId, "--delete")).toEqual({});
    expect(await aws("list-tunnels")).toEqual({ tunnelSummaries: [] } as never);
  }, 120_000);

  test("is told by name and sentence what is wrong", async () => {
    await using emulator = await startEmulator();
    const wrong: [string, string, string[]][] = [
      [
        "ResourceNotFoundException",
        "Tunnel nobody does not exist",
        ["describe-tunnel", "--tunnel-id", "nobody"],
      ],
      ["LimitExceededException", "3 at most", ["open-tunnel", "--destination-config", "services=a,b,c,d"]],
      [
        "ValidationException",
        "'a b' at 'destinationConfig.services.1.member'",
        ["open-tunnel", "--destination-config", "services=a b"],
      ],
      [
        "ValidationException",
        "less than or equal to 720",
        ["open-tunnel", "--timeout-config", "maxLifetimeTimeoutMinutes=721"],
      ],
    ];
    const results = await Promise.all(wrong.map(([, , args]) => cli(emulator, ...args)));
    for (const [index, [name, sentence]] of wrong.entries()) {
      expect(results[index]?.code).not.toBe(0);
      expect(results[index]?.stderr).toContain(`An error occurred (${name})`);
      expect(results[index]?.stderr).toContain(sentence);
    }
  }, 120_000);

  test("does not need a trusted CA turned off, and refuses the emulator without its CA", async () => {
    await using emulator = await startEmulator();
    await using other = await startEmulator();
    const stranger = { ...emulator, endpoint: { ...emulator.endpoint, ca: other.endpoint.ca } };
    const { code, stderr } = await cli(stranger, "list-tunnels");
    expect(code).not.toBe(0);
    expect(stderr).toContain("CERTIFICATE_VERIFY_FAILED");
  }, 60_000);
});

describe("boto3", () => {
  async function boto3(
    emulator: RunningEmulator,
    ...args: string[]
  ): Promise<Record<string, Record<string, unknown>>> {
    using home = tempDir();
    const { stdout } = await run(PYTHON, [BOTO3_SCRIPT, ...args], {
      env: environment(emulator, home.path),
    });
    return JSON.parse(stdout);
  }

  test("drives all eight operations, right and wrong", async () => {
    await using emulator = await startEmulator();
    const startedAt = Date.now() / 1_000;
    const result = await boto3(emulator);
    const time = (at: unknown) => Math.abs(Number(at) - startedAt) < 60;
    const { opened, described } = result;
    const { tunnelId, tunnelArn } = opened ?? {};
    expect(opened).toEqual({
      status: 200,
      tunnelId: ID,
      tunnelArn: ARN,
      sourceAccessToken: TOKEN,
      destinationAccessToken: TOKEN,
    });
    const tunnel = described?.["tunnel"] as Record<string, Record<string, unknown>>;
    expect(tunnel).toMatchObject({
      status: "OPEN",
      timeoutConfig: { maxLifetimeTimeoutMinutes: 60 },
    } as never);
    expect([tunnel["createdAt"], tunnel["sourceConnectionState"]?.["lastUpdatedAt"]].map(time)).toEqual([
      true,
      true,
    ]);
    expect(result["describedBare"]?.["tunnel"]).not.toHaveProperty("destinationConfig");
    expect(result["describedBare"]).toMatchObject({
      tunnel: { timeoutConfig: { maxLifetimeTimeoutMinutes: 720 } },
    });
    expect(result["listed"]?.["tunnelSummaries"]).toHaveLength(2);
    expect(result["listed"]).not.toHaveProperty("nextToken");
    expect(result["listedThing"]).toMatchObject({ tunnelSummaries: [{ tunnelId }] });
    expect(result["firstPage"]?.["nextToken"]).toEqual(expect.any(String));
    expect(result["secondPage"]).toMatchObject({ tunnelSummaries: [{ tunnelId }] });
    expect(result["rotatedSource"]).toEqual({ status: 200, tunnelArn, sourceAccessToken: TOKEN });
    expect(result["rotatedDestination"]).toEqual({ status: 200, tunnelArn, destinationAccessToken: TOKEN });
    expect(result["tags"]?.["tags"]).toEqual([
      { key: "team", value: "water" },
      { key: "stage", value: "" },
    ]);
    expect(result["tagsLeft"]?.["tags"]).toEqual([{ key: "stage", value: "" }]);
    for (const name of ["tagged", "untagged", "closed", "closedAgain", "deleted"]) {
      expect(result[name]).toEqual({ status: 200 });
    }
    expect(result["describedClosed"]).toMatchObject({ tunnel: { status: "CLOSED", tunnelId } });

    const faults: Record<string, string> = {
      rotateClosed: "ResourceNotFoundException",
      describeDeleted: "ResourceNotFoundException",
      tagDeleted: "ResourceNotFoundException",
      fourServices: "LimitExceededException",
      repeatedService: "ValidationException",
      sourceWithConfig: "ValidationException",
      longLifetime: "ValidationException",
      largePage: "ValidationException",
      wrongMode: "ValidationException",
      wrongPage: "ValidationException",
      reservedTag: "ValidationException",
      otherService: "InvalidSignatureException",
      unsigned: "UnrecognizedClientException",
    };
    for (const [name, code] of Object.entries(faults)) {
      expect({ name, ...result[name] }).toMatchObject({ name, code, status: 400, requestId: ID });
      const isModelled = ["ResourceNotFoundException", "LimitExceededException"].includes(code);
      expect({ name, is: result[name]?.["isModelledClass"] }).toEqual({ name, is: isModelled });
    }
  }, 60_000);

  test("has the same constraints in its service model as the emulator", async () => {
    await using emulator = await startEmulator();
    const model = await boto3(emulator, "model");
    const inputs = Object.fromEntries(Object.entries(OPERATIONS).map(([name, { input }]) => [name, input]));
    expect(inputs).toEqual(model as never);
  }, 60_000);
});
