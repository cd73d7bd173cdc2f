import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { startAgent } from "../../../src/lib/agent.ts";
import { createControlPlane } from "../../../src/lib/control-plane.ts";
import { serveLocal } from "../../../src/lib/emulator.ts";
import { openProxy } from "../../../src/lib/proxy.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

test("it stands side by side with others, and leaves nothing behind", async () => {
  await using first = await serveLocal();
  const second = await serveLocal({ region: "eu-west-1", accountId: "111122223333" });
  const { tunnelArn } = await second.openTunnel({ services: ["SSH"] });
  expect(tunnelArn).toStartWith("arn:aws:iot:eu-west-1:111122223333:tunnel/");
  expect(second.dataPlane.port).not.toBe(first.dataPlane.port);
  await second.close();
  await second.close();
  expect([first, second].map(({ stateDirectory }) => existsSync(stateDirectory))).toEqual([true, false]);
});

test("tunnels outlive it in a state directory", async () => {
  using dir = tempDir();
  const options = { stateDirectory: dir.path, mqtt: false };
  const before = await serveLocal(options);
  const { tunnelId } = await before.openTunnel({ description: "kept" });
  await before.close();
  await using after = await serveLocal(options);
  using control = createControlPlane(after.controlPlane);
  expect(await control.describeTunnel(tunnelId)).toMatchObject({ description: "kept", status: "OPEN" });
});

test("the same state directory cannot be used twice", async () => {
  using dir = tempDir();
  await using _ = await serveLocal({ stateDirectory: dir.path });
  await expect(serveLocal({ stateDirectory: dir.path })).rejects.toMatchObject({ code: "ERR_CONFIG" });
});

test.each([
  ["a region that is none", { region: "moon" }],
  ["a short account id", { accountId: "1" }],
  ["a port that is none", { port: 70_000 }],
])("%s is refused", async (_what, options) => {
  await expect(serveLocal(options)).rejects.toMatchObject({ code: "ERR_USAGE" });
});

test("what the service would refuse is refused, by its exception's name", async () => {
  await using service = await serveLocal({ mqtt: false });
  const opening = service.openTunnel({ services: ["a", "b", "c", "d"] });
  await expect(opening).rejects.toMatchObject({ code: "ERR_LIMIT", awsCode: "LimitExceededException" });
});

test("without a broker no device can be added", async () => {
  await using service = await serveLocal({ mqtt: false });
  expect(service.mqtt).toBeUndefined();
  await expect(service.addThing("pump-7")).rejects.toMatchObject({ code: "ERR_CONFIG" });
});

test("other programs find it by their environment, and nothing that leads elsewhere", async () => {
  await using service = await serveLocal();
  const env = service.environment({ HOME: "/home/me", AWS_PROFILE: "work", AWS_SESSION_TOKEN: "x" });
  expect(env).toMatchObject({
    HOME: "/home/me",
    AWS_ENDPOINT_URL_IOTSECURETUNNELING: service.controlPlane.endpointUrl,
    AWSIOT_TUNNEL_ENDPOINT: `${service.dataPlane.host}:${service.dataPlane.port}`,
    AWS_REGION: service.region,
  });
  expect(Object.keys(env)).not.toContain("AWS_PROFILE");
  expect(Object.keys(env)).not.toContain("AWS_SESSION_TOKEN");
  expect(readFileSync(env["AWS_CA_BUNDLE"] ?? "", "utf8")).toContain(service.ca.trim());
});

test("a private one takes its own key and no other", async () => {
  await using service = await serveLocal({ isPrivate: true, mqtt: false });
  expect(await service.openTunnel()).toMatchObject({ tunnelId: expect.any(String) });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  using stranger = createControlPlane({ ...service.controlPlane, credentials });
  await expect(stranger.listTunnels({ max: 1 })).rejects.toMatchObject({ code: "ERR_CREDENTIALS" });
});

test("what goes wrong on purpose does", async () => {
  await using service = await serveLocal({ mqtt: false, faults: [{ kind: "refuse", value: 503 }] });
  const { sourceAccessToken: accessToken } = await service.openTunnel({ services: ["SSH"] });
  const { dataPlane } = service;
  const options = { mode: "source", dataPlane, accessToken, services: { SSH: 0 } } as const;
  await expect(openProxy({ ...options, connectTimeoutMs: 1 })).rejects.toMatchObject({
    code: "ERR_UNREACHABLE",
  });
});

test("an agent that is aborted while it finds no broker says so, and forgets nothing it was told", async () => {
  await using service = await serveLocal();
  const broker = await service.addThing("pump-7");
  const stop = new AbortController();
  const { region, dataPlane, stateDirectory } = service;
  const options = { thing: "pump-7", region, dataPlane, services: { SSH: 22 }, signal: stop.signal };
  const starting = startAgent({
    ...options,
    broker: { ...broker, port: 1 },
    stateDirectory: `${stateDirectory}/agent`,
  });
  stop.abort(new Error("changed my mind"));
  await expect(starting).rejects.toThrow("changed my mind");
  await using agent = await startAgent({
    ...options,
    signal: undefined,
    broker,
    stateDirectory: `${stateDirectory}/agent`,
  });
  expect(agent.thing).toBe("pump-7");
});

test("an agent is refused a thing's name that is none, and a second place in its state directory", async () => {
  await using service = await serveLocal();
  const broker = await service.addThing("pump-7");
  const { region, dataPlane } = service;
  const stateDirectory = `${service.stateDirectory}/agent`;
  const options = { region, dataPlane, services: { SSH: 22 }, broker, stateDirectory };
  await expect(startAgent({ ...options, thing: "../pump" })).rejects.toMatchObject({ code: "ERR_USAGE" });
  await using _ = await startAgent({ ...options, thing: "pump-7" });
  await expect(startAgent({ ...options, thing: "pump-7" })).rejects.toMatchObject({ code: "ERR_LIMIT" });
});

test("its certificate is that of its authority", async () => {
  await using service = await serveLocal({ mqtt: false });
  const status = await new Promise((resolve, reject) => {
    const call = request(service.controlPlane.endpointUrl, { ca: service.ca, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    call.on("error", reject).end();
  });
  expect(status).toBeGreaterThanOrEqual(400);
});
