import { describe, expect, test } from "bun:test";
import { ControlPlane } from "../../../src/aws/control-plane.ts";
import { getLogger } from "../../../src/base/log.ts";
import type { RunningEmulator } from "../../../src/emulator/server/serve.ts";
import { loadRoots } from "../../../src/net/roots.ts";
import { RoutingAgent } from "../../../src/net/routing-agent.ts";
import { callOperation, startEmulator } from "../../helpers/emulator.ts";

/** Lists tunnels with the AWS client and this key; the error's name when it is refused. */
async function listWith(
  emulator: RunningEmulator,
  keys: { readonly accessKeyId: string; readonly secretAccessKey: string },
): Promise<string> {
  const controlPlane = new ControlPlane({
    region: async () => emulator.endpoint.region,
    endpoint: () => ({ url: new URL(emulator.endpoint.controlPlane), isCustom: true }),
    agent: new RoutingAgent(loadRoots([emulator.endpoint.ca]), {}, { onlyThese: true }) as never,
    credentials: async () => keys,
    log: getLogger("test"),
    signal: new AbortController().signal,
  });
  try {
    await controlPlane.listTunnels({ max: 1 } as never);
    return "taken";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    controlPlane.close();
  }
}

describe("a private emulator", () => {
  test("takes what its own key has signed, and nothing else", async () => {
    await using emulator = await startEmulator({ isPrivate: true });
    const { credentials } = emulator.endpoint;
    if (credentials === undefined) throw new Error("it has no key");
    expect(await listWith(emulator, credentials)).toBe("taken");
    const wrong = { ...credentials, secretAccessKey: `${credentials.secretAccessKey.slice(0, -1)}!` };
    expect(await listWith(emulator, wrong)).toContain("signature");
    expect(await listWith(emulator, { accessKeyId: "local", secretAccessKey: "local" })).toContain("invalid");
    const made = await callOperation(emulator, "RotateTunnelAccessToken", {
      tunnelId: "x",
      clientMode: "ALL",
    });
    expect([made.status, made.body["__type"]]).toEqual([400, "UnrecognizedClientException"]);
  });

  test("has another key after each start, and one that is not private none", async () => {
    await using first = await startEmulator({ isPrivate: true });
    await using second = await startEmulator({ isPrivate: true });
    await using open = await startEmulator();
    expect(first.endpoint.credentials).not.toEqual(second.endpoint.credentials);
    expect(open.endpoint.credentials).toBeUndefined();
  });
});
