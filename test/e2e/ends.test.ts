// Whoever is told to stop ends in order and in time, whatever an application or the other end leaves open.
import { describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { type Carried, carry, type Make } from "../helpers/carried.ts";
import { portOf, startOperator } from "../helpers/operators.ts";
import type { TestProcess } from "../helpers/process.ts";
import { dialLocal } from "../helpers/proxies.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { startTunnel } from "../helpers/tunnel.ts";
import { waitFor, within } from "../helpers/wait.ts";

const END_WITHIN_MS = 5_000;

/** Exit codes of commands for which a signal is the usual end, and of the others. */
const SIGNALS = [
  ["SIGTERM", 0, 143],
  ["SIGINT", 0, 130],
] as const;

/** Applications at both ends that never close and have been answered once. */
const APPLICATIONS = ["keep their side open", "read nothing more"] as const;
type Application = (typeof APPLICATIONS)[number];

const CHUNK = Buffer.alloc(1024 * 1024, 7);

/** A service that answers, ignores the end of its clients, and floods a client that shall not read. */
function startStubborn(application: Application) {
  return startTcpServer((socket) => {
    socket.once("data", (bytes) => {
      socket.write(bytes);
      if (application === "read nothing more") {
        socket.pause();
        flood(socket);
      } else socket.resume();
    });
  });
}

function flood(socket: Socket): void {
  for (let at = 0; at < 64; at += 1) socket.write(CHUNK);
}

/** A client that has been answered and will not close. */
async function openStubborn(port: number, application: Application): Promise<AsyncDisposable> {
  const socket = await dialLocal(port);
  socket.on("error", () => {});
  socket.write("hello");
  await within("an answer", once(socket, "data"));
  if (application === "read nothing more") {
    socket.pause();
    flood(socket);
  } else socket.resume();
  return { [Symbol.asyncDispose]: async () => void socket.destroy() };
}

async function expectEnd(child: TestProcess, signal: NodeJS.Signals, code: number): Promise<void> {
  const toldAt = performance.now();
  child.signal(signal);
  const exit = await within(`the end after ${signal}`, child.exited, 4 * END_WITHIN_MS);
  expect(exit).toEqual({ code, signal: null });
  expect(performance.now() - toldAt).toBeLessThan(END_WITHIN_MS);
}

const PROXIES: readonly (readonly [name: string, make: Make, role: "source" | "destination"])[] = [
  ["proxy source", "ours", "source"],
  ["proxy destination", "ours", "destination"],
  ["localproxy -s", "localproxy", "source"],
  ["localproxy -d", "localproxy", "destination"],
];

describe.each(SIGNALS)("%s", (signal, orderly, usual) => {
  describe.each(APPLICATIONS)("while applications %s", (application) => {
    async function withCarried(make: Make, use: (carried: Carried) => Promise<void>): Promise<void> {
      await using service = await startStubborn(application);
      const services = { STUBBORN: `127.0.0.1:${service.port}` };
      await using carried = await carry(services, { source: make, destination: make });
      await using _client = await openStubborn(carried.portOf("STUBBORN"), application);
      await use(carried);
    }

    test.each(PROXIES)("%s ends with 0", (_, make, role) =>
      withCarried(make, (carried) => expectEnd(carried.processes[role], signal, orderly)),
    );

    test("serve-local ends with 0", () =>
      withCarried("ours", (carried) => expectEnd(carried.processes.relay, signal, orderly)));

    test(`connect ends with ${usual}, agent with 0`, async () => {
      await using service = await startStubborn(application);
      await using operator = await startOperator();
      const device = await operator.startDevice(service.port);
      await using connecting = operator.connect();
      await using _client = await openStubborn(await portOf(connecting), application);
      await expectEnd(connecting, signal, usual);
      await device.waitFor("connection-closed");
      await expectEnd(device.process, signal, orderly);
    });

    test("agent ends with 0 after its grace period", async () => {
      await using service = await startStubborn(application);
      await using operator = await startOperator();
      const device = await operator.startDevice(service.port, "--grace", "1s");
      await using connecting = operator.connect();
      await using _client = await openStubborn(await portOf(connecting), application);
      await expectEnd(device.process, signal, orderly);
    });
  });

  describe("while the other end of a handshake", () => {
    test("says nothing, a proxy ends with 0", async () => {
      await using mute = await startTcpServer(() => {});
      await using server = await serveLocal();
      await using proxy = startTunnel(
        ["proxy", "source", "-p", "SSH=0", ...server.local, "--proxy-endpoint", `localhost:${mute.port}`],
        { AWSIOT_TUNNEL_ACCESS_TOKEN: "a".repeat(100), AWSIOT_TUNNEL_CLIENT_TOKEN: randomUUID() },
      );
      await waitFor("a dial", () => mute.accepted > 0);
      await expectEnd(proxy, signal, orderly);
    });

    test("says nothing, serve-local ends with 0", async () => {
      await using server = await serveLocal();
      const ports = [server.endpoint.controlPlane, server.endpoint.mqtt].flatMap((url) =>
        url === undefined ? [] : [Number(/:(\d+)/.exec(url.replace(/^\w+:\/\//, ""))?.[1])],
      );
      const clients = await Promise.all(ports.map((port) => dialLocal(port)));
      for (const client of clients) client.on("error", () => {});
      await expectEnd(server.process, signal, orderly);
      for (const client of clients) client.destroy();
    });
  });
});
