// A link that is lost in the middle of a transfer in one direction, to a reader that says nothing: it must not take the
// bytes that came for all there are.
import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { serveLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";
import { waitFor, within } from "../helpers/wait.ts";
import { Wire } from "../helpers/wire.ts";

type Side = "source" | "destination";

/** A client and its service through a tunnel, one proxy of which reaches the data plane over a wire. */
async function joinBoth(overWire: Side, args: readonly string[]) {
  const stack = new AsyncDisposableStack();
  const dir = stack.adopt(tempDir(), (each) => each[Symbol.dispose]());
  const env = { XDG_STATE_HOME: join(dir.path, "state") };
  const accepted = Promise.withResolvers<Socket>();
  const service = stack.use(await startTcpServer((socket) => void accepted.resolve(socket)));
  const server = stack.use(await serveLocal());
  const wire = stack.use(await Wire.to(Number(new URL(server.endpoint.controlPlane).port)));
  const to = (side: Side) => [
    ...server.local,
    ...args,
    ...(side === overWire ? ["--proxy-endpoint", `localhost:${wire.port}`] : []),
  ];
  const { stdout } = await runTunnel(["open", "--service", "APP", "--json", ...server.local], env);
  const destination = stack.use(
    startTunnel(["proxy", "destination", "-d", `APP=127.0.0.1:${service.port}`, ...to("destination")], {
      ...env,
      AWSIOT_TUNNEL_ACCESS_TOKEN: JSON.parse(stdout).destinationAccessToken,
    }),
  );
  await destination.waitForLine(/connected to the tunnel/, "stderr");
  const source = stack.use(startTunnel(["proxy", "source", "-p", "APP=0", ...to("source")], env));
  const [, port] = await source.waitForLine(/listening on 127.0.0.1:(\d+)/);
  const client = connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true });
  stack.defer(() => void client.destroy());
  await once(client, "connect");
  const serving = await within("a connection to the service", accepted.promise);
  return { client, service: serving, wire, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Two ends of a connection through a tunnel with one link that can be cut, and what the reader has of it. */
async function transfer(side: Side, what: "an upload" | "a download", args: readonly string[]) {
  const ends = await joinBoth(side, args);
  const [writer, reader] = what === "an upload" ? [ends.client, ends.service] : [ends.service, ends.client];
  let received = 0;
  reader.on("data", (chunk: Buffer) => {
    received += chunk.length;
  });
  const fate = Promise.withResolvers<"end" | "reset">();
  reader.on("end", () => fate.resolve("end"));
  reader.on("error", () => fate.resolve("reset"));
  writer.on("error", () => {});
  return {
    writer,
    wire: ends.wire,
    fate: () => within("the end", fate.promise, 20_000),
    has: (bytes: number) => waitFor(`${bytes} bytes`, () => received === bytes, 20_000),
    [Symbol.asyncDispose]: ends[Symbol.asyncDispose],
  };
}

const CASES = [
  ["source", "an upload", 1_000, 3_000],
  ["source", "an upload", 500_000, 0],
  ["destination", "an upload", 500_000, 0],
  ["source", "a download", 500_000, 0],
  ["destination", "a download", 1_000, 3_000],
  ["destination", "a download", 500_000, 0],
] as const;

test.each(CASES)(
  "when the %s loses its link, %s of which %d bytes came ends with RST where nothing is held",
  async (side, what, bytes, afterMs) => {
    await using ends = await transfer(side, what, ["--continuity", "off"]);
    ends.writer.write(Buffer.alloc(bytes));
    await ends.has(bytes);
    await sleep(afterMs); // by then nothing can be an answer to the start
    ends.wire.cut();
    expect(await ends.fate()).toBe("reset");
  },
  60_000,
);

test.each(CASES)(
  "when the %s loses its link, %s of which %d bytes came goes on to its end",
  async (side, what, bytes, afterMs) => {
    await using ends = await transfer(side, what, ["--continuity", "auto"]);
    ends.writer.write(Buffer.alloc(bytes));
    await ends.has(bytes);
    await sleep(afterMs);
    ends.wire.cut();
    ends.writer.end(Buffer.alloc(bytes));
    expect(await ends.fate()).toBe("end");
    await ends.has(2 * bytes);
  },
  60_000,
);
