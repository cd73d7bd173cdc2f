// Rotation against a control plane of the test's own.
import { expect, test } from "bun:test";
import { Agent } from "node:https";
import { json } from "node:stream/consumers";
import { ControlPlane } from "../../../src/aws/control-plane.ts";
import { getLogger } from "../../../src/base/log.ts";
import { rotateTokens } from "../../../src/operator/rotate-tokens.ts";
import { openTokenStore } from "../../../src/operator/user-tokens.ts";
import { startHttpServer } from "../../helpers/servers.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

const TUNNEL = {
  tunnelId: "t-1",
  status: "OPEN",
  description: "firmware",
  destinationConfig: { thingName: "pump-7", services: ["SSH"] },
  createdAt: 4_000_000_000,
  timeoutConfig: { maxLifetimeTimeoutMinutes: 30 },
};
const TOKENS = { sourceAccessToken: "AQGAsource", destinationAccessToken: "AQGAdestination" };
const ISSUER = { type: "remote" } as const;

/** Rotates both tokens; `described` is what DescribeTunnel answers, a refusal when undefined. */
async function rotate(described: unknown, env: { readonly XDG_STATE_HOME: string }) {
  const requests: unknown[] = [];
  await using server = await startHttpServer(async (request, response) => {
    const operation = String(request.headers["x-amz-target"]).split(".").at(-1);
    const body = await json(request);
    const isRefused = operation === "DescribeTunnel" && described === undefined;
    if (operation === "RotateTunnelAccessToken") requests.push(body);
    const headers = { "content-type": "application/x-amz-json-1.1", connection: "close" };
    response.writeHead(isRefused ? 400 : 200, headers);
    const answer = operation === "DescribeTunnel" ? { tunnel: described } : TOKENS;
    response.end(JSON.stringify(isRefused ? { __type: "AccessDeniedException", message: "no" } : answer));
  });
  const controlPlane = new ControlPlane({
    region: async () => "eu-west-1",
    endpoint: () => ({ url: new URL(`http://127.0.0.1:${server.port}`), isCustom: true }),
    credentials: async () => ({ accessKeyId: "key", secretAccessKey: "secret" }),
    agent: new Agent(),
    log: getLogger("test"),
    signal: new AbortController().signal,
  });
  const { answer } = await rotateTokens("t-1", "all", { controlPlane, issuer: ISSUER }, env);
  controlPlane.close();
  expect(answer).toMatchObject(TOKENS);
  return requests;
}

test("new tokens are kept as those of open are: with the tunnel's description, until its end", async () => {
  using dir = tempDir();
  const env = { XDG_STATE_HOME: dir.path };
  const requests = await rotate(TUNNEL, env);
  const { destinationConfig } = TUNNEL;
  expect(requests).toEqual([{ tunnelId: "t-1", clientMode: "ALL", destinationConfig }]);
  for (const mode of ["source", "destination"] as const) {
    const [saved] = openTokenStore(env).list(mode);
    expect(saved).toMatchObject({ tunnelId: "t-1", region: "eu-west-1", description: "firmware" });
    expect(saved?.expiresAt).toEqual(new Date((TUNNEL.createdAt + 30 * 60) * 1_000));
  }
});

test("without permission to look at the tunnel it works all the same", async () => {
  using dir = tempDir();
  const env = { XDG_STATE_HOME: dir.path };
  expect(await rotate(undefined, env)).toEqual([{ tunnelId: "t-1", clientMode: "ALL" }]);
  expect(openTokenStore(env).list("source")).toHaveLength(1);
});
