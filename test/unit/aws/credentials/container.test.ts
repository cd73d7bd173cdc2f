import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent } from "node:https";
import { join } from "node:path";
import { containerKeys } from "../../../../src/aws/credentials/container.ts";
import { startHttpServer } from "../../../helpers/servers.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

const carrier = { agent: new Agent() };
const KEYS = { AccessKeyId: "AK", SecretAccessKey: "s", Token: "t", Expiration: "2099-01-01T00:00:00Z" };
const FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

test("outside a container there are none, and nobody is asked", async () => {
  expect(await containerKeys({}, carrier)).toBeUndefined();
});

describe("keys of the container", () => {
  test.each(["token-of-variable", "token-of-file"])("are asked for with the %s", async (token) => {
    using dir = tempDir();
    const path = join(dir.path, "token");
    writeFileSync(path, "token-of-file");
    const seen: IncomingMessage["headers"][] = [];
    await using server = await startHttpServer((request, response) => {
      seen.push(request.headers);
      response.end(JSON.stringify(KEYS));
    });
    const env = {
      [FULL]: `http://127.0.0.1:${server.port}/keys?role=a`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "token-of-variable",
      ...(token === "token-of-file" && { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: path }),
    };
    expect(await containerKeys(env, carrier)).toEqual({
      accessKeyId: "AK",
      secretAccessKey: "s",
      sessionToken: "t",
      expiration: new Date(KEYS.Expiration),
    });
    expect(seen.map(({ authorization }) => authorization)).toEqual([token]);
  });

  test("whose end cannot be read have ended", async () => {
    await using server = await startHttpServer((_, response) =>
      response.end(JSON.stringify({ ...KEYS, Expiration: "soon" })),
    );
    const keys = await containerKeys({ [FULL]: `http://localhost:${server.port}/` }, carrier);
    expect(keys?.expiration).toEqual(new Date(0));
  });

  test("come at the second try where the service has just started", async () => {
    let asked = 0;
    await using server = await startHttpServer((_, response) => {
      asked += 1;
      if (asked === 1) response.writeHead(503).end();
      else response.end(JSON.stringify(KEYS));
    });
    const keys = await containerKeys({ [FULL]: `http://localhost:${server.port}/` }, carrier);
    expect([keys?.accessKeyId, asked]).toEqual(["AK", 2]);
  });
});

describe("no keys, and why", () => {
  test.each<[title: string, env: Readonly<Record<string, string>>, why: string]>([
    ["an empty variable", { [FULL]: "" }, "the address is no URL"],
    ["a strange host over HTTP", { [FULL]: "http://keys.test/" }, 'not "keys.test"'],
    ["a name that begins like this machine", { [FULL]: "http://127.0.0.1.keys.test/" }, "not"],
    ["a path that is none", { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "@keys.test/" }, 'not "keys.test"'],
    ["another scheme", { [FULL]: "file:///etc/passwd" }, "over HTTP only"],
    [
      "a token file that is not there",
      { [FULL]: "http://localhost/", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "/nowhere/token" },
      'cannot read "/nowhere/token": no such file or directory',
    ],
    [
      "a token of two lines",
      { [FULL]: "http://localhost/", AWS_CONTAINER_AUTHORIZATION_TOKEN: "a\r\nx: y" },
      "the token has a line break",
    ],
    [
      "a token that no header can have",
      { [FULL]: "http://localhost/", AWS_CONTAINER_AUTHORIZATION_TOKEN: "\u20ac" },
      "another character that none has",
    ],
  ])("%s", async (_, env, why) => {
    const error = await containerKeys(env, carrier).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "ERR_CREDENTIALS", message: expect.stringContaining(why) });
  });

  test.each([
    [403, '{"Message":"no such role"}', "status 403: no such role"],
    [200, "{}", "no AccessKeyId"],
    [200, "<html>", "no AccessKeyId"],
  ])("status %d with %s", async (status, body, why) => {
    await using server = await startHttpServer((_, response) => response.writeHead(status).end(body));
    const env = { [FULL]: `http://127.0.0.1:${server.port}/` };
    const error = await containerKeys(env, carrier).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "ERR_CREDENTIALS", message: expect.stringContaining(why) });
  });
});
