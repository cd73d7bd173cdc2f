import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { WebSocket } from "ws";
import { readFault } from "../../../../src/cli/config/read-fault.ts";
import { Lots } from "../../../../src/emulator/faults/injected-fault.ts";
import type { RunningEmulator } from "../../../../src/emulator/server/serve.ts";
import { encodeFrame, MessageType, makeMessage } from "../../../../src/protocol/message.ts";
import { callOperation, startEmulator } from "../../../helpers/emulator.ts";
import { waitFor, within } from "../../../helpers/wait.ts";

function emulatorWith(...faults: string[]) {
  return startEmulator({ faults: faults.map(readFault) });
}

function dial(emulator: RunningEmulator, mode: "source" | "destination", token: string): WebSocket {
  const webSocket = new WebSocket(
    `wss://${emulator.endpoint.dataPlane}/tunnel?local-proxy-mode=${mode}`,
    ["aws.iot.securetunneling-3.0"],
    { ca: readFileSync(emulator.endpoint.ca), headers: { "access-token": token } },
  );
  webSocket.on("error", () => {});
  return webSocket;
}

/** Both sides of a tunnel, and the bytes of every message to the destination with their time. */
async function connectBoth(emulator: RunningEmulator) {
  const { tokens } = emulator.tunnels.open({ destinationConfig: { services: ["SSH"] } });
  const destination = dial(emulator, "destination", tokens.destination.reveal());
  const arrivals: { readonly size: number; readonly at: number }[] = [];
  destination.on("message", (data: Buffer) => arrivals.push({ size: data.length, at: performance.now() }));
  await once(destination, "open");
  const source = dial(emulator, "source", tokens.source.reveal());
  await once(source, "open");
  await waitFor("SERVICE_IDS", () => arrivals.length === 1);
  arrivals.length = 0;
  const send = (type: number, payload = new Uint8Array()) =>
    source.send(encodeFrame(makeMessage({ type, streamId: 1, serviceId: "SSH", connectionId: 1, payload })));
  return { source, destination, arrivals, send };
}

describe("--fault", () => {
  test("refuse: the handshake gets its status, and the token stays good", async () => {
    await using emulator = await emulatorWith("refuse=503,rate=0.5,seed=7");
    const token = emulator.tunnels.open({}).tokens.source.reveal();
    const answers: string[] = [];
    for (let count = 0; count < 50 && answers.at(-1) !== "open"; count += 1) {
      const webSocket = dial(emulator, "source", token);
      const refused = once(webSocket, "unexpected-response").then(([, { statusCode }]) => String(statusCode));
      answers.push(await Promise.race([refused, once(webSocket, "open").then(() => "open")]));
    }
    const lots = new Lots({ rate: 0.5, seed: 7 });
    const expected: string[] = [];
    while (lots.draw()) expected.push("503");
    expect(answers).toEqual([...expected, "open"]);
    expect(expected).toHaveLength(2);
  });

  test("close: with its code, after its time", async () => {
    await using emulator = await emulatorWith("close=4321,after=50ms");
    const source = dial(emulator, "source", emulator.tunnels.open({}).tokens.source.reveal());
    const [code] = await within("the close", once(source, "close"));
    expect(code).toBe(4_321);
  });

  test("drop: without a close frame", async () => {
    await using emulator = await emulatorWith("drop=50ms");
    const source = dial(emulator, "source", emulator.tunnels.open({}).tokens.source.reveal());
    const [code] = await within("the close", once(source, "close"));
    expect(code).toBe(1_006);
  });

  test("delay: messages come late, in their order", async () => {
    await using emulator = await emulatorWith("delay=300ms");
    const { source, destination, arrivals, send } = await connectBoth(emulator);
    const startedAt = performance.now();
    send(MessageType.StreamStart);
    for (const size of [10, 20, 30]) send(MessageType.Data, new Uint8Array(size));
    await waitFor("all", () => arrivals.length === 4);
    expect((arrivals[0]?.at ?? 0) - startedAt).toBeGreaterThan(290);
    const sizes = arrivals.map(({ size }) => size);
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    for (const each of [source, destination]) each.terminate();
  });

  test("throttle: no more bytes a second", async () => {
    await using emulator = await emulatorWith("throttle=100kB");
    const { source, destination, arrivals, send } = await connectBoth(emulator);
    const startedAt = performance.now();
    send(MessageType.StreamStart);
    for (let count = 0; count < 10; count += 1) send(MessageType.Data, new Uint8Array(10_000));
    await waitFor("all", () => arrivals.length === 11);
    const seconds = ((arrivals.at(-1)?.at ?? 0) - startedAt) / 1_000;
    expect(seconds).toBeGreaterThan(0.98);
    for (const each of [source, destination]) each.terminate();
  });

  test("expire: the tunnel ends as expired; rotate: its tokens are replaced", async () => {
    await using expiring = await emulatorWith("expire=20ms");
    const reasons: string[] = [];
    expiring.tunnels.onEvent((event) => event.type === "closed" && reasons.push(event.reason));
    expiring.tunnels.open({});
    await waitFor("the expiry", () => reasons.length > 0);
    expect(reasons).toEqual(["expired"]);
    await using rotating = await emulatorWith("rotate=500ms");
    const source = dial(rotating, "source", rotating.tunnels.open({}).tokens.source.reveal());
    const [code] = await within("the close", once(source, "close"));
    expect(code).toBe(1_008);
  });
});

describe("--quota", () => {
  test("bounds connections and calls of each operation", async () => {
    await using emulator = await startEmulator({ hasQuota: true });
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => callOperation(emulator, "ListTunnels", {})),
    );
    const throttled = answers.filter(({ body }) => body["__type"] === "ThrottlingException");
    expect(throttled.length).toBeGreaterThan(0);
    expect(answers.length - throttled.length).toBeGreaterThanOrEqual(10);
    expect((await callOperation(emulator, "DescribeTunnel", { tunnelId: "x" })).body["__type"]).toBe(
      "ResourceNotFoundException",
    );
    const tunnels = Array.from({ length: 30 }, () => emulator.tunnels.open({}).tokens.source.reveal());
    const statuses = await Promise.all(
      tunnels.map(async (token) => {
        const webSocket = dial(emulator, "source", token);
        const refused = once(webSocket, "unexpected-response").then(([, { statusCode }]) => statusCode);
        const status = await Promise.race([refused, once(webSocket, "open").then(() => 101)]);
        webSocket.terminate();
        return status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([101, 429]));
  });
});

test("the same seed draws the same lots, about as many as the rate says", () => {
  const draw = (seed: number) => {
    const lots = new Lots({ rate: 0.3, seed });
    return Array.from({ length: 1_000 }, () => lots.draw());
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  const share = draw(7).filter(Boolean).length / 1_000;
  expect(Math.abs(share - 0.3)).toBeLessThan(0.05);
});
