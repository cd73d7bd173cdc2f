// serve-local --private: a key of its own, used by everything that finds it, and by nobody else.
import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { serveLocal } from "../helpers/serve-local.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, tunnelCommand } from "../helpers/tunnel.ts";

const PRIVATE = ["--private", "--no-mqtt"];

function keyOf(stateDir: string): { accessKeyId: string; secretAccessKey: string } {
  return JSON.parse(readFileSync(join(stateDir, "endpoint.json"), "utf8")).credentials;
}

describe("serve-local --private", () => {
  test("keeps its key in endpoint.json, for this user, and prints it nowhere", async () => {
    await using server = await serveLocal({ args: PRIVATE });
    const { secretAccessKey } = keyOf(server.stateDir);
    expect(secretAccessKey.length).toBeGreaterThanOrEqual(40);
    expect(statSync(join(server.stateDir, "endpoint.json")).mode & 0o777).toBe(0o600);
    expect(JSON.parse(server.process.stdout)).toMatchObject({ event: "ready", private: true });
    expect(server.process.stdout + server.process.stderr).not.toContain(secretAccessKey);
  });

  test("is driven by --local, and refuses other keys", async () => {
    await using server = await serveLocal({ args: PRIVATE });
    using dir = tempDir();
    const env = { XDG_STATE_HOME: dir.path };
    const opened = await runTunnel(["open", "--json", ...server.local], env);
    expect([opened.code, opened.stderr.includes("error")]).toEqual([0, false]);
    const strange = {
      ...env,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_REGION: "us-east-1",
      AWS_ENDPOINT_URL_IOTSECURETUNNELING: server.endpoint.controlPlane,
      AWS_CA_BUNDLE: server.endpoint.ca,
    };
    const { accessKeyId } = keyOf(server.stateDir);
    expect((await runTunnel(["list"], strange)).code).toBe(77);
    expect((await runTunnel(["list"], { ...strange, AWS_ACCESS_KEY_ID: accessKeyId })).code).toBe(77);
  });

  test("gives its key to --env and to CMD", async () => {
    await using server = await serveLocal({ args: PRIVATE });
    const { set } = JSON.parse(
      (await runTunnel(["serve-local", "--env", "--json", "--state-dir", server.stateDir])).stdout,
    );
    const { accessKeyId, secretAccessKey } = keyOf(server.stateDir);
    expect([set.AWS_ACCESS_KEY_ID, set.AWS_SECRET_ACCESS_KEY]).toEqual([accessKeyId, secretAccessKey]);
    const { TUNNEL_LOCAL: _, ...withoutLocal } = set;
    expect((await runTunnel(["list", "--json"], withoutLocal)).code).toBe(0);
    // Of the variables alone: without the directory, as other programs see it.
    const inside = ["sh", "-c", 'unset TUNNEL_LOCAL; exec "$@"', "sh", ...tunnelCommand(), "list", "--json"];
    const words = ["serve-local", "--ephemeral", "--listen", "0", ...PRIVATE, "--", ...inside];
    const { code, stdout } = await runTunnel(words);
    expect([code, JSON.parse(stdout).tunnelSummaries]).toEqual([0, []]);
  });
});

test("faults and quota stand in the ready line", async () => {
  await using server = await serveLocal({
    args: ["--no-mqtt", "--quota", "--fault", "delay=20ms", "--fault", "refuse=503,rate=0,seed=2"],
  });
  expect(JSON.parse(server.process.stdout)).toMatchObject({
    faults: ["delay=20ms", "refuse=503,rate=0,seed=2"],
    quota: true,
  });
  const wrong = await runTunnel(["serve-local", "--fault", "dorp"]);
  expect([wrong.code, wrong.stderr.includes("drop, close, delay")]).toEqual([64, true]);
});
