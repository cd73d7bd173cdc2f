// How long a keystroke takes: round trips of one byte through both proxies, alone and beside a bulk transfer on the
// same tunnel, at full speed and over a link of 800 kB/s. Run with `bun test/bench/latency.ts`.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TestProcess } from "../helpers/process.ts";
import { dialLocal } from "../helpers/proxies.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";

const SAMPLES = 200;
const SLOW_BYTES_PER_SECOND = 800_000;

await using stack = new AsyncDisposableStack();
const dir = stack.use(tempDir());
const env = { ...process.env, XDG_STATE_HOME: join(dir.path, "state") };
const local = stack.use(await serveLocal());
const load = stack.use(new TestProcess("bun", ["test/bench/load.ts", "serve"], process.env));
const loadPort = Number((await load.waitForLine(/^\d+$/))[0]);
const echo = createServer((socket) => socket.setNoDelay().pipe(socket));
const echoPort = await listen(echo);
const slow = throttle(Number(new URL(local.endpoint.controlPlane).port));

// Down the slow link the bytes wait in the service, where no local proxy can help.
for (const [name, port, directions] of [
  ["full speed", undefined, ["up", "down"]],
  [`${SLOW_BYTES_PER_SECOND / 1_000} kB/s`, await listen(slow), ["up"]],
] as const) {
  const ports = await openTunnel(port);
  console.log(name);
  report("  alone", await roundTrips(ports.echo));
  for (const direction of directions) {
    const bulk = new TestProcess(
      "bun",
      ["test/bench/load.ts", "client", String(ports.load), direction, String(64e9)],
      process.env,
    );
    await sleep(2_000); // the queues have to fill before they can be in the way
    report(`  beside a transfer ${direction}`, await roundTrips(ports.echo));
    await bulk.kill();
    await sleep(500);
  }
}
echo.close();
slow.close();

/** A tunnel with both services whose source reaches the data plane over `port`. */
async function openTunnel(
  port: number | undefined,
): Promise<{ readonly echo: number; readonly load: number }> {
  const opened = await runTunnel(
    ["open", "--service", "ECHO", "--service", "LOAD", "--json", ...local.local],
    env,
  );
  const { destinationAccessToken, sourceAccessToken } = JSON.parse(opened.stdout);
  const destination = startTunnel(
    ["proxy", "destination", "-d", `ECHO=127.0.0.1:${echoPort},LOAD=127.0.0.1:${loadPort}`, ...local.local],
    {
      ...env,
      AWSIOT_TUNNEL_ACCESS_TOKEN: destinationAccessToken,
    },
  );
  stack.use(destination);
  const by = port === undefined ? [] : ["--proxy-endpoint", `localhost:${port}`];
  const source = startTunnel(["proxy", "source", "-p", "ECHO=0,LOAD=0", "--json", ...by, ...local.local], {
    ...env,
    AWSIOT_TUNNEL_ACCESS_TOKEN: sourceAccessToken,
  });
  stack.use(source);
  const portOf = async (service: string) =>
    JSON.parse((await source.waitForLine(new RegExp(`"${service}"`))).input).port;
  await destination.waitForLine(/connected/, "stderr");
  return { echo: await portOf("ECHO"), load: await portOf("LOAD") };
}

async function roundTrips(port: number): Promise<number[]> {
  const socket = await dialLocal(port);
  socket.setNoDelay();
  const times: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const start = performance.now();
    socket.write("x");
    await once(socket, "data");
    times.push(performance.now() - start);
    await sleep(5);
  }
  socket.destroy();
  return times.sort((a, b) => a - b);
}

function report(name: string, times: readonly number[]): void {
  const at = (share: number) =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(1);
  console.log(`${name.padEnd(28)} p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms`);
}

/** A TCP link of limited rate both ways, without a queue of its own. */
function throttle(target: number) {
  return createServer({ pauseOnConnect: true }, (near) => {
    const far = connect({ port: target, host: "127.0.0.1" });
    far.pause();
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
      void pump(from, to);
    }
  });
}

async function pump(from: Socket, to: Socket): Promise<void> {
  const tickMs = 10;
  for (let due = 0; !from.destroyed; ) {
    await sleep(tickMs);
    due = Math.min(due, 0) + (SLOW_BYTES_PER_SECOND * tickMs) / 1_000;
    while (due > 0) {
      const chunk: Buffer | null = from.read(Math.min(due, from.readableLength) || undefined);
      if (chunk === null) break;
      due -= chunk.length;
      to.write(chunk);
    }
  }
}

async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
