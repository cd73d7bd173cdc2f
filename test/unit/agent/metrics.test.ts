import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { MetricsServer } from "../../../src/agent/metrics.ts";
import { within } from "../../helpers/wait.ts";

async function dial(port: number, bytes: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(bytes);
  return socket;
}

async function statusFor(port: number, host: string): Promise<string> {
  const socket = await dial(port, `GET /metrics HTTP/1.1\r\n${host}\r\n\r\n`);
  return (await within("an answer", text(socket), 3_000)).slice(9, 12);
}

describe("the metrics server", () => {
  test("answers while others hold requests open that they never finish", async () => {
    const metrics = await MetricsServer.listen({ host: "127.0.0.1", port: 0 });
    const ends: Promise<unknown>[] = [];
    for (let count = 0; count < 64; count += 1) {
      const socket = await dial(metrics.port, count % 2 === 0 ? "" : "GET /metrics HTTP/1.1\r\nHost: local");
      ends.push(once(socket.resume(), "close"));
    }
    expect(await statusFor(metrics.port, "Host: localhost")).toBe("200");
    metrics.close();
    await within("the end of all", Promise.all(ends), 3_000);
  });

  test.each([
    ["Host: localhost:9464", "200"],
    ["Host: 127.0.0.1", "200"],
    ["Host: [::1]:1", "200"],
    ["Host: attacker.example", "421"],
    ["Host: localhost.attacker.example", "421"],
    ["Host: localhost\r\nHost: attacker.example", "400"],
    ["X-Nothing: 1", "400"],
  ])("answers to names of this machine alone: %j", async (host, status) => {
    const metrics = await MetricsServer.listen({ host: "localhost", port: 0 });
    expect(await statusFor(metrics.port, host)).toBe(status);
    metrics.close();
  });
});
