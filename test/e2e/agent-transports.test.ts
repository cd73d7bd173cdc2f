// The three ways to AWS IoT Core, against a broker on this machine that checks what AWS checks. AWS itself is not
// reached by any test.
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AgentProcess, openTunnel, pause } from "../helpers/agents.ts";
import { DATA_HOST, IOT_HOST, type IotCore, startIotCore } from "../helpers/iot-core.ts";
import { type ServeLocal, serveLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
  AWS_SECRET_ACCESS_KEY: SECRET,
  AWS_SESSION_TOKEN: "session/token+with=signs",
  AWS_EC2_METADATA_DISABLED: "true",
};

/** An agent whose broker is the test's, and whose data plane is a serve-local's. */
function agentOf(
  core: IotCore,
  server: ServeLocal,
  dir: string,
  args: readonly string[],
  env = {},
): AgentProcess {
  const ca = join(dir, "ca.pem");
  writeFileSync(ca, readFileSync(core.ca, "utf8") + readFileSync(server.endpoint.ca, "utf8"));
  const plane = ["--proxy-endpoint", server.endpoint.dataPlane, "--region", "us-east-1", "--ca", ca];
  return new AgentProcess(["--thing", "pump-7", "--map", "SSH=22", ...plane, ...args], env);
}

/** Opens a tunnel and tells the device through the test's broker. */
async function notify(core: IotCore, server: ServeLocal): Promise<void> {
  const { destinationAccessToken } = await openTunnel(server, "pump-7", ["SSH"]);
  const members = { clientMode: "destination", region: "us-east-1", services: ["SSH"] };
  await core.notify("pump-7", JSON.stringify({ clientAccessToken: destinationAccessToken, ...members }));
}

describe("the agent reaches its broker", () => {
  test("with a certificate and ALPN, as on port 443", async () => {
    await using core = await startIotCore(SECRET);
    await using server = await serveLocal();
    using dir = tempDir();
    const broker = ["--mqtt-endpoint", `localhost:${core.alpnPort}`, "--cert", core.cert, "--key", core.key];
    await using agent = agentOf(core, server, dir.path, [...broker, "--mqtt-transport", "alpn"]);
    await agent.waitFor("subscribed");
    await notify(core, server);
    await agent.waitFor("session-connected");
    expect(core.refusals).toEqual([]);
  });

  test("not without ALPN on a port that insists on it, and goes on trying", async () => {
    await using core = await startIotCore(SECRET);
    await using server = await serveLocal();
    using dir = tempDir();
    const broker = ["--mqtt-endpoint", `localhost:${core.alpnPort}`, "--cert", core.cert, "--key", core.key];
    await using agent = agentOf(core, server, dir.path, broker);
    const lost = await agent.waitFor("broker-lost", 1);
    expect(lost.hint ?? lost.reason).toMatch(/iot:Subscribe|connection/);
    expect(core.refusals).toContain("ALPN false");
    expect(agent.told("subscribed")).toEqual([]);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
  });

  test("over a WebSocket with a signature that is made anew for each connection", async () => {
    await using core = await startIotCore(SECRET);
    await using server = await serveLocal();
    using dir = tempDir();
    const broker = ["--mqtt-endpoint", `localhost:${core.webSocketPort}`];
    await using agent = agentOf(core, server, dir.path, broker, CREDENTIALS);
    await agent.waitFor("subscribed");
    await notify(core, server);
    await agent.waitFor("session-connected");
    core.cut();
    await agent.waitFor("broker-lost");
    await agent.waitFor("subscribed", 1);
    const scope = {
      accessKeyId: "AKIDEXAMPLE",
      region: "us-east-1",
      service: "iotdevicegateway",
      sessionToken: CREDENTIALS.AWS_SESSION_TOKEN,
    };
    expect(core.scopes).toEqual([scope, scope]);
    expect(core.refusals).toEqual([]);
    for (const text of [agent.process.stdout, agent.process.stderr]) {
      expect(text).not.toMatch(/X-Amz-Signature|session\/token|wJalr/);
    }
  });

  test("not with a wrong signature, says what to check, and goes on trying", async () => {
    await using core = await startIotCore("another secret");
    await using server = await serveLocal();
    using dir = tempDir();
    const broker = ["--mqtt-endpoint", `localhost:${core.webSocketPort}`];
    await using agent = agentOf(core, server, dir.path, broker, CREDENTIALS);
    const lost = await agent.waitFor("broker-lost", 1);
    expect(lost.reason).toContain("403");
    expect(lost.hint).toContain("credentials");
    expect(core.scopes).toEqual([]);
  });

  test("without credentials: says so and goes on trying, as they may come later", async () => {
    await using core = await startIotCore(SECRET);
    await using server = await serveLocal();
    using dir = tempDir();
    const broker = ["--mqtt-endpoint", `localhost:${core.webSocketPort}`];
    await using agent = agentOf(core, server, dir.path, broker, { AWS_EC2_METADATA_DISABLED: "true" });
    const lost = await agent.waitFor("broker-lost");
    expect(lost.reason).toContain("no AWS credentials");
    expect(lost.hint).toContain("--cert");
    expect(core.scopes).toEqual([]);
  });

  test("under the name that AWS IoT gives, all of it through a web proxy", async () => {
    await using core = await startIotCore(SECRET);
    await using server = await serveLocal();
    using dir = tempDir();
    const env = { ...CREDENTIALS, HTTPS_PROXY: `http://127.0.0.1:${core.webProxyPort}` };
    await using agent = agentOf(core, server, dir.path, [], env);
    expect((await agent.waitFor("subscribed")).broker).toBe(`${DATA_HOST}:443`);
    await notify(core, server);
    await agent.waitFor("session-connected");
    expect(core.connects).toEqual([`${IOT_HOST}:443`, `${DATA_HOST}:443`]);
    expect(core.scopes.map(({ service }) => service)).toEqual(["iot", "iotdevicegateway"]);
    core.cut();
    await agent.waitFor("subscribed", 1);
    await pause(50);
    expect(core.connects.filter((name) => name.startsWith(IOT_HOST))).toHaveLength(1);
  });

  test("with a certificate through a web proxy", async () => {
    await using core = await startIotCore(SECRET);
    await using server = await serveLocal();
    using dir = tempDir();
    const env = { HTTPS_PROXY: `http://127.0.0.1:${core.webProxyPort}` };
    // Loopback is never reached through a proxy, so the broker goes by a name of AWS here.
    const broker = [
      "--mqtt-endpoint",
      `${DATA_HOST}:${core.alpnPort}`,
      "--cert",
      core.cert,
      "--key",
      core.key,
    ];
    await using agent = agentOf(core, server, dir.path, [...broker, "--mqtt-transport", "alpn"], env);
    await agent.waitFor("subscribed");
    await notify(core, server);
    await agent.waitFor("session-connected");
    expect(core.connects).toEqual([`${DATA_HOST}:${core.alpnPort}`]);
  });

  test("not through a web proxy that stays silent, or is none: it is named, and tried again", async () => {
    await using server = await serveLocal();
    await using silent = await startTcpServer(() => {});
    await using plain = await startTcpServer((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    );
    await using core = await startIotCore(SECRET);
    const lost = async (webProxy: string, times = 0) => {
      using dir = tempDir();
      const broker = ["--mqtt-endpoint", `${DATA_HOST}:8883`, "--cert", core.cert, "--key", core.key];
      await using agent = agentOf(core, server, dir.path, broker, { HTTPS_PROXY: webProxy });
      const { reason } = await agent.waitFor("broker-lost", times, 20_000);
      expect(await agent.stop()).toEqual({ code: 0, signal: null });
      return reason;
    };
    const reasons = await Promise.all([
      lost(`http://user:100%@127.0.0.1:${silent.port}`),
      lost(`https://127.0.0.1:${plain.port}`, 1),
    ]);
    expect(reasons).toEqual([
      `the web proxy 127.0.0.1:${silent.port} does not answer: waited 10 s`,
      `the web proxy 127.0.0.1:${plain.port} speaks no TLS`,
    ]);
  }, 30_000);
});
