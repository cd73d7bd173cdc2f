import { describe, expect, test } from "bun:test";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent } from "node:https";
import { instanceKeys } from "../../../../src/aws/credentials/instance.ts";
import { SharedSettings } from "../../../../src/aws/shared-settings.ts";
import { startHttpServer, startTcpServer } from "../../../helpers/servers.ts";

const KEYS = { Code: "Success", AccessKeyId: "AK", SecretAccessKey: "s", Token: "t" };
const SESSION = "/latest/api/token";
const ROLES = "/latest/meta-data/iam/security-credentials/";

function keysOf(port: number, env: Readonly<Record<string, string>> = {}) {
  const all = { HOME: "/nowhere", AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${port}`, ...env };
  const settings = new SharedSettings({ name: undefined, isExplicit: false }, all);
  return instanceKeys(settings, { agent: new Agent() });
}

/** A metadata service; `session` is its status for sessions. */
function metadata(asked: string[], session: number, role = "role one") {
  return ({ method, url = "", headers }: IncomingMessage, response: ServerResponse) => {
    asked.push(`${method} ${url} ${headers["x-aws-ec2-metadata-token"] ?? "-"}`);
    if (url === SESSION) return void response.writeHead(session).end("session");
    response.end(url === ROLES ? `${role}\n` : JSON.stringify(KEYS));
  };
}

describe("keys of the instance", () => {
  test.each([
    ["with a session", 200, "session"],
    ["of a service that knows no sessions", 404, "-"],
  ])("%s", async (_, status, session) => {
    const asked: string[] = [];
    await using server = await startHttpServer(metadata(asked, status));
    expect(await keysOf(server.port)).toMatchObject({ accessKeyId: "AK", sessionToken: "t" });
    expect(asked).toEqual([
      `PUT ${SESSION} -`,
      `GET ${ROLES} ${session}`,
      `GET ${ROLES}role%20one ${session}`,
    ]);
  });
});

test("in a container that answers about sessions do not reach, they are asked for without one", async () => {
  const asked: string[] = [];
  const answer = metadata(asked, 200);
  await using server = await startHttpServer((request, response) => {
    if (request.url === SESSION) asked.push("silent");
    else answer(request, response);
  });
  expect(await keysOf(server.port)).toMatchObject({ accessKeyId: "AK" });
  expect(asked).toEqual(["silent", `GET ${ROLES} -`, `GET ${ROLES}role%20one -`]);
});

describe("none", () => {
  test.each([
    ["where they are switched off", 200, { AWS_EC2_METADATA_DISABLED: "True" }, 0],
    ["without a session where that is forbidden", 404, { AWS_EC2_METADATA_V1_DISABLED: "true" }, 1],
    ["where the session is refused", 400, {}, 1],
    ["where the service fails each time", 500, { AWS_METADATA_SERVICE_NUM_ATTEMPTS: "3" }, 3],
  ] as const)("%s", async (_, status, env, calls) => {
    const asked: string[] = [];
    await using server = await startHttpServer(metadata(asked, status));
    expect(await keysOf(server.port, env)).toBeUndefined();
    expect(asked).toHaveLength(calls);
  });

  test("where nobody answers, after a second each with a session and without", async () => {
    await using server = await startTcpServer(() => {});
    const start = performance.now();
    expect(await keysOf(server.port)).toBeUndefined();
    const tookMs = performance.now() - start;
    expect([tookMs > 1_900, tookMs < 8_000]).toEqual([true, true]);
  });
});
