import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { WebSocket } from "ws";
import { ConfigError, ListenError, UsageError } from "../../../../src/base/errors.ts";
import { configureLog } from "../../../../src/base/log.ts";
import type { Side } from "../../../../src/emulator/relay/relay.ts";
import type { RunningEmulator } from "../../../../src/emulator/server/serve.ts";
import {
  decodeFrame,
  encodeFrame,
  type Message,
  MessageType,
  makeMessage,
} from "../../../../src/protocol/message.ts";
import {
  type Answer,
  callOperation,
  send,
  sendRaw,
  signedHeaders,
  startEmulator,
} from "../../../helpers/emulator.ts";
import { startTcpServer } from "../../../helpers/servers.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";
import { waitFor, within } from "../../../helpers/wait.ts";

function parseFault(answer: Answer): { __type: string; message: string } {
  return JSON.parse(answer.text);
}

async function connectSide(
  emulator: RunningEmulator,
  mode: Side,
  accessToken: string,
  clientToken?: string,
): Promise<WebSocket> {
  const webSocket = new WebSocket(
    `wss://${emulator.endpoint.dataPlane}/tunnel?local-proxy-mode=${mode}`,
    ["aws.iot.securetunneling-3.0"],
    {
      ca: readFileSync(emulator.endpoint.ca),
      headers: {
        "access-token": accessToken,
        ...(clientToken === undefined ? {} : { "client-token": clientToken }),
      },
    },
  );
  webSocket.on("error", () => {});
  await once(webSocket, "open");
  return webSocket;
}

describe("a served emulator", () => {
  test("says where it is, in a file for its owner, until it stops", async () => {
    using directory = tempDir();
    const stateDir = join(directory.path, "made", "on", "demand");
    const emulator = await startEmulator({ stateDir, region: "eu-central-1", accountId: "000000000042" });
    const file = join(stateDir, "endpoint.json");
    const port = new URL(emulator.endpoint.controlPlane).port;
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      version: 1,
      region: "eu-central-1",
      accountId: "000000000042",
      controlPlane: `https://localhost:${port}`,
      dataPlane: `localhost:${port}`,
      ca: join(stateDir, "ca", "ca.pem"),
      pid: process.pid,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(stateDir).mode & 0o777).toBe(0o700);
    await emulator.close();
    expect(existsSync(file)).toBe(false);
    await emulator.close();
  });

  test("answers healthz to its own names only", async () => {
    await using emulator = await startEmulator({ hosts: ["Tunnels.Example.Test"] });
    const status = async (host: string) =>
      (await send(emulator, { method: "GET", path: "/healthz", headers: { host } })).status;
    for (const host of ["localhost", "127.0.0.1:1", "[::1]:8443", "tunnels.example.test"]) {
      expect(await status(host)).toBe(200);
    }
    for (const host of ["attacker.example", "localhost.attacker.example"]) {
      expect(await status(host)).toBe(421);
    }
  });

  test("leaves nothing behind when it is ephemeral", async () => {
    const emulator = await startEmulator();
    expect(readdirSync(emulator.stateDirectory).toSorted()).toEqual(["ca", "endpoint.json"]);
    expect(statSync(emulator.stateDirectory).mode & 0o777).toBe(0o700);
    await emulator.close();
    expect(existsSync(emulator.stateDirectory)).toBe(false);
  });

  test("has the same tunnels, tokens, tags and CA after a restart", async () => {
    using directory = tempDir();
    const stateDir = directory.path;
    const first = await startEmulator({ stateDir });
    const ca = readFileSync(first.endpoint.ca, "utf8");
    const opened = await callOperation(first, "OpenTunnel", {
      tags: [{ key: "a", value: "b" }],
      destinationConfig: { thingName: "pump-7", services: ["SSH"] },
    });
    const { tunnelId, sourceAccessToken } = opened.body as Record<string, string>;
    const before = await callOperation(first, "DescribeTunnel", { tunnelId });
    expect(before.status).toBe(200);
    await first.close();
    await using second = await startEmulator({ stateDir });
    expect(readFileSync(second.endpoint.ca, "utf8")).toBe(ca);
    expect(await callOperation(second, "DescribeTunnel", { tunnelId })).toEqual(before);
    const accessToken = sourceAccessToken ?? "";
    expect(second.tunnels.admit({ accessToken, clientToken: undefined, mode: "source" }).type).toBe(
      "admitted",
    );
  });

  test("tells a proxy that goes on with its stream after a restart the end of it, and keeps it connected (P33)", async () => {
    using directory = tempDir();
    const stateDir = join(directory.path, "state");
    const clientToken = "0123456789abcdef0123456789abcdef";
    const first = await startEmulator({ stateDir });
    const { tokens } = first.tunnels.open({ destinationConfig: { services: ["SSH"] } });
    const token = tokens.source.reveal();
    const ended = once(await connectSide(first, "source", token, clientToken), "close");
    await first.close();
    await within("the end of the WebSocket", ended);
    await using second = await startEmulator({ stateDir });
    const source = await connectSide(second, "source", token, clientToken);
    const ids = { streamId: 7, serviceId: "SSH", connectionId: 1 };
    const told: Message[] = [];
    source.on("message", (bytes: Buffer) => told.push(decodeFrame(bytes)));
    const old = encodeFrame(makeMessage({ type: MessageType.Data, ...ids, payload: new Uint8Array(3) }));
    for (let count = 0; count < 100; count += 1) source.send(old);
    await waitFor("the reset", () => told.some(({ type }) => type === MessageType.StreamReset));
    source.ping();
    await once(source, "pong");
    const resets = told.filter(({ type }) => type === MessageType.StreamReset);
    expect(resets).toMatchObject([ids]);
    expect(source.readyState).toBe(WebSocket.OPEN);
    source.terminate();
  });

  test("shows who is connected, and ends connections with the tunnel", async () => {
    await using emulator = await startEmulator();
    const { tunnel, tokens } = emulator.tunnels.open({ destinationConfig: { services: ["SSH"] } });
    const isConnected = () => {
      const { source, destination } = emulator.tunnels.describe(tunnel.tunnelId);
      return `${source.isConnected} ${destination.isConnected}`;
    };
    const source = await connectSide(emulator, "source", tokens.source.reveal());
    expect(isConnected()).toBe("true false");
    const destination = await connectSide(emulator, "destination", tokens.destination.reveal());
    expect(isConnected()).toBe("true true");
    destination.terminate();
    await waitFor("the destination to be gone", () => isConnected() === "true false");
    const ended = once(source, "close");
    emulator.tunnels.close(tunnel.tunnelId, { isDeleted: false });
    await within("the end of the source", ended);
    expect(isConnected()).toBe("false false");
  });

  test("closes an expired tunnel without being asked", async () => {
    await using emulator = await startEmulator();
    const expired: string[] = [];
    emulator.tunnels.onEvent((event) => event.type === "closed" && expired.push(event.reason));
    // Lifetimes are whole minutes, too long for a test: 1 ms is one no request can have.
    emulator.tunnels.open({ lifetimeMinutes: 1 / 60_000 });
    await waitFor("the expiry", () => expired.length > 0);
    expect(expired).toEqual(["expired"]);
  });

  test("stops within seconds, whatever clients are doing", async () => {
    const emulator = await startEmulator();
    const { port } = new URL(emulator.endpoint.controlPlane);
    const idle = connect(Number(port), "127.0.0.1");
    await once(idle, "connect");
    const halfSent = request(emulator.endpoint.controlPlane, {
      method: "POST",
      headers: { ...signedHeaders("ListTunnels"), "content-length": 100 },
      ca: readFileSync(emulator.endpoint.ca),
    });
    halfSent.on("error", () => {});
    halfSent.write("{");
    const [socket] = await once(halfSent, "socket");
    await once(socket, "secureConnect");
    const { tokens } = emulator.tunnels.open({});
    const gone = once(await connectSide(emulator, "source", tokens.source.reveal()), "close");
    await within("the stop", emulator.close(), 3_000);
    await within("the end of the WebSocket", gone, 3_000);
    idle.destroy();
    halfSent.destroy();
  });
});

describe("what cannot be served is refused with its reason", () => {
  const wrong: [string, Parameters<typeof startEmulator>[0], string][] = [
    ["an address of the network", { listen: { host: "0.0.0.0", port: 0 } }, "without --auth"],
    ["every address", { listen: { host: "::", port: 0 } }, "without --auth"],
    ["a host name", { listen: { host: "tunnels.example.test", port: 0 } }, "without --auth"],
    ["a port beyond the last", { listen: { host: "127.0.0.1", port: 65_536 } }, "65536"],
    ["a short account id", { accountId: "12345678901" }, "12345678901"],
    ["a region that is none", { region: "nowhere" }, "nowhere"],
    ["a region that no command takes", { region: "a-b-c-d-e-f-1" }, "a-b-c-d-e-f-1"],
    ["an address as host name", { hosts: ["10.0.0.1"] }, "10.0.0.1"],
    ["a pattern as host name", { hosts: ["*.example.test"] }, "*.example.test"],
  ];
  test.each(wrong)("%s", async (_title, options, reason) => {
    const refusal = await startEmulator(options).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UsageError);
    expect((refusal as UsageError).message).toContain(reason);
    expect((refusal as UsageError).hint).toEqual(expect.any(String));
  });

  test("a taken port, leaving the state directory free", async () => {
    using directory = tempDir();
    await using server = await startTcpServer();
    const listen = { host: "127.0.0.1", port: server.port };
    const refusal = await startEmulator({ listen, stateDir: directory.path }).catch(
      (error: unknown) => error,
    );
    expect(refusal).toBeInstanceOf(ListenError);
    expect((refusal as ListenError).message).toBe(
      `cannot listen on 127.0.0.1:${server.port}: the address is in use`,
    );
    await using _emulator = await startEmulator({ stateDir: directory.path });
  });

  test("a state directory in use, leaving the first emulator alone", async () => {
    using directory = tempDir();
    await using first = await startEmulator({ stateDir: directory.path });
    const refusal = await startEmulator({ stateDir: directory.path }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as ConfigError).message).toContain("in use by another serve-local");
    expect((await send(first, { method: "GET", path: "/healthz" })).status).toBe(200);
    expect(existsSync(join(directory.path, "endpoint.json"))).toBe(true);
  });

  test("a state directory that others can write", async () => {
    using directory = tempDir();
    chmodSync(directory.path, 0o777);
    const refusal = await startEmulator({ stateDir: directory.path }).catch((error: unknown) => error);
    expect((refusal as ConfigError).message).toContain("can be written by other users");
  });

  test.each(["ca", "device-ca", "things"])("a directory %s that others can write", async (name) => {
    using directory = tempDir();
    const inner = join(directory.path, name);
    mkdirSync(inner);
    chmodSync(inner, 0o720);
    const refusal = await startEmulator({ stateDir: directory.path }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as ConfigError).message).toBe(`state directory "${inner}" can be written by other users`);
    expect(readdirSync(inner)).toEqual([]);
  });

  test("a state directory that cannot be looked at", async () => {
    using directory = tempDir();
    symlinkSync("ca", join(directory.path, "ca"));
    const refusal = await startEmulator({ stateDir: directory.path }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as ConfigError).message).toContain("too many links");
  });

  test("a state directory that cannot be made", async () => {
    using directory = tempDir();
    const stateDir = join(directory.path, "tunnels.db", "x");
    writeFileSync(join(directory.path, "tunnels.db"), "");
    const refusal = await startEmulator({ stateDir }).catch((error: unknown) => error);
    expect((refusal as ConfigError).message).toBe(
      `cannot make the directory "${stateDir}": a part of its path is no directory`,
    );
    expect((refusal as ConfigError).hint).toBe("choose another --state-dir");
  });
});

describe("the control plane over HTTP", () => {
  async function withEmulator(run: (emulator: RunningEmulator) => Promise<void>): Promise<void> {
    await using emulator = await startEmulator();
    await run(emulator);
  }

  test("answers in AWS JSON with a request id", () =>
    withEmulator(async (emulator) => {
      const answer = await send(emulator, {
        method: "POST",
        headers: signedHeaders("ListTunnels"),
        body: "{}",
      });
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("application/x-amz-json-1.1");
      expect(answer.headers["x-amzn-requestid"]).toMatch(/^[0-9a-f-]{36}$/);
      expect(JSON.parse(answer.text)).toEqual({ tunnelSummaries: [] });
    }));

  const signed = signedHeaders("DescribeTunnel");
  const { authorization: _, ...unsigned } = signed;
  const faults: [string, Record<string, string>, string, number, string][] = [
    ["an unsigned call", unsigned, '{"tunnelId":"x"}', 400, "UnrecognizedClientException"],
    [
      "a wrongly signed call",
      { ...unsigned, authorization: "Bearer x" },
      "{}",
      400,
      "InvalidSignatureException",
    ],
    ["an unknown tunnel", signed, '{"tunnelId":"x"}', 400, "ResourceNotFoundException"],
    ["a missing member", signed, "{}", 400, "ValidationException"],
    ["no body", signed, "", 400, "ValidationException"],
    ["a body that is no JSON", signed, "{", 400, "ValidationException"],
    ["a body that is no object", signed, '"x"', 400, "ValidationException"],
    ["another content type", { ...signed, "content-type": "text/plain" }, "{}", 400, "ValidationException"],
    [
      "an operation of nobody",
      { ...signed, "x-amz-target": "IoTSecuredTunneling.toString" },
      "{}",
      400,
      "UnknownOperationException",
    ],
    [
      "an operation of another service",
      { ...signed, "x-amz-target": "IoTSecureTunneling.ListTunnels" },
      "{}",
      400,
      "UnknownOperationException",
    ],
    ["a body beyond 1 MiB", signed, " ".repeat(1_048_577), 413, "RequestEntityTooLargeException"],
  ];
  test.each(faults)("answers %s with the exception's name", (_title, headers, body, status, type) =>
    withEmulator(async (emulator) => {
      const answer = await send(emulator, { method: "POST", headers, body });
      expect(answer.status).toBe(status);
      expect(parseFault(answer)).toEqual({ __type: type, message: expect.stringMatching(/./) });
      expect(answer.headers["x-amzn-errortype"]).toBe(type);
    }),
  );

  test.each([
    ["lists", 50_000, "[", "]"],
    ["objects", 50_000, '{"a":', "}"],
    ["a member", 33, '{"tags":', "}"],
  ])("answers %s nested %d levels deep at once", (_title, depth, open, close) =>
    withEmulator(async (emulator) => {
      const startedAt = performance.now();
      const body = `${open.repeat(depth)}1${close.repeat(depth)}`;
      const answer = await send(emulator, { method: "POST", headers: signedHeaders("OpenTunnel"), body });
      expect(performance.now() - startedAt).toBeLessThan(1_500);
      expect(answer.status).toBe(400);
      expect(parseFault(answer)).toEqual({
        __type: "ValidationException",
        message: "The body is nested deeper than 32 levels",
      });
    }),
  );

  test.each([
    ["announced", "Content-Length: 100000000\r\n\r\n{"],
    ["announced by one that waits for leave", "Expect: 100-continue\r\nContent-Length: 100000000\r\n\r\n"],
    ["in chunks", `Transfer-Encoding: chunked\r\n\r\n110000\r\n${" ".repeat(0x11_00_00)}\r\n`],
  ])("refuses a body beyond 1 MiB, %s, without waiting for the rest", (_title, rest) =>
    withEmulator(async (emulator) => {
      const headers = Object.entries(signedHeaders("OpenTunnel")).map(([name, value]) => `${name}: ${value}`);
      const head = ["POST / HTTP/1.1", "Host: localhost", ...headers, rest].join("\r\n");
      const answer = await within("the answer", sendRaw(emulator, head), 3_000);
      expect(answer.replace("HTTP/1.1 100 Continue\r\n\r\n", "")).toStartWith("HTTP/1.1 413 ");
    }),
  );

  test("counts no brackets within strings as levels", () =>
    withEmulator(async (emulator) => {
      const body = JSON.stringify({ description: `"\\${"[{".repeat(100)}"` });
      const answer = await send(emulator, { method: "POST", headers: signedHeaders("OpenTunnel"), body });
      expect(answer.status).toBe(200);
    }));

  test("answers a failure of its own with 500, and says one line about it", () =>
    withEmulator(async (emulator) => {
      const lines: string[] = [];
      configureLog({ level: "info", format: "text", write: (line) => lines.push(line) });
      emulator.tunnels.open = () => {
        throw new Error("database or disk is full");
      };
      const headers = signedHeaders("OpenTunnel");
      const answer = await send(emulator, { method: "POST", headers, body: '{"description":"x"}' });
      expect(answer.status).toBe(500);
      expect(answer.headers["x-amzn-errortype"]).toBe("InternalServerException");
      expect(parseFault(answer)).toEqual({ __type: "InternalServerException", message: "Internal failure" });
      expect(lines).toEqual([
        expect.stringContaining(
          "error control-plane: the control plane failed: Error: database or disk is full",
        ),
      ]);
    }));

  const foreign: [string, string, string, Record<string, string>, number][] = [
    ["a preflight", "OPTIONS", "/", { origin: "https://attacker.example" }, 403],
    ["a preflight of the data plane", "OPTIONS", "/tunnel", { origin: "https://attacker.example" }, 403],
    ["a form of a web page", "POST", "/", { "content-type": "application/x-www-form-urlencoded" }, 400],
    ["a rebound name", "POST", "/", { ...signed, host: "attacker.example" }, 421],
    ["a GET", "GET", "/", signed, 405],
    ["another path", "POST", "/admin", signed, 404],
    ["a tunnel without upgrade", "GET", "/tunnel?local-proxy-mode=source", {}, 400],
  ];
  test.each(foreign)("refuses %s, and never allows an origin", (_title, method, path, headers, status) =>
    withEmulator(async (emulator) => {
      const answer = await send(emulator, { method, path, headers });
      expect(answer.status).toBe(status);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }),
  );

  test("refuses a WebSocket under a rebound name before it looks at tokens", () =>
    withEmulator(async (emulator) => {
      const webSocket = new WebSocket(`wss://${emulator.endpoint.dataPlane}/tunnel?local-proxy-mode=source`, {
        ca: readFileSync(emulator.endpoint.ca),
        headers: { host: "attacker.example", "access-token": "x" },
      });
      webSocket.on("error", () => {});
      const [, response] = await once(webSocket, "unexpected-response");
      expect(response.statusCode).toBe(421);
    }));
});
