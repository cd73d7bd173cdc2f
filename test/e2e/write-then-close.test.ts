// A sender that writes and is gone at once: its bytes arrive, or the receiver sees a reset. Never a clean end with less.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Dial, type Hearing, hearClients, hearService } from "../helpers/farewells.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { freePort } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";

const COUNT = 1_000;
/** A half-closed connection stays so long for an answer that never comes here. */
const LINGER = ["--linger", "100ms"];
const stack = new AsyncDisposableStack();
let servicePort = 0;
let listenerPort = 0;
let directory = "";

beforeAll(async () => {
  directory = stack.adopt(tempDir(), (dir) => dir[Symbol.dispose]()).path;
  const env = { XDG_STATE_HOME: join(directory, "state") };
  const server = stack.use(await serveLocal());
  const services = ["--service", "TCP", "--service", "UNIX"];
  const { stdout } = await runTunnel(["open", ...services, "--json", ...server.local], env);
  const { destinationAccessToken } = JSON.parse(stdout);
  servicePort = await freePort();
  const targets = `TCP=127.0.0.1:${servicePort},UNIX=${join(directory, "service.sock")}`;
  const destination = stack.use(
    startTunnel(["proxy", "destination", "-d", targets, ...LINGER, ...server.local], {
      ...env,
      AWSIOT_TUNNEL_ACCESS_TOKEN: destinationAccessToken,
    }),
  );
  await destination.waitForLine(/connected to the tunnel/, "stderr");
  const listeners = `TCP=0,UNIX=${join(directory, "listener.sock")}`;
  const source = stack.use(
    startTunnel(["proxy", "source", "-p", listeners, ...LINGER, ...server.local], env),
  );
  listenerPort = Number((await source.waitForLine(/listening on 127.0.0.1:(\d+)/))[1]);
  await source.waitForLine(/listener\.sock/);
}, 30_000);

afterAll(() => stack.disposeAsync());

const overTcp = {
  listen: () => ({ port: servicePort, host: "127.0.0.1" }),
  dial: (): Dial => () => ({ port: listenerPort, host: "127.0.0.1" }),
};
const overUnix = {
  listen: () => ({ path: join(directory, "service.sock") }),
  dial: (): Dial => () => ({ path: join(directory, "listener.sock") }),
};

describe.each([
  ["TCP", overTcp],
  ["Unix sockets", overUnix],
] as const)("over %s", (_name, { listen, dial }) => {
  test(`the last words of a service are heard, ${COUNT} times`, async () => {
    expectHeard(await hearService(COUNT, listen(), dial()));
  }, 120_000);

  test(`the last words of a client are heard, ${COUNT} times`, async () => {
    expectHeard(await hearClients(COUNT, listen(), dial()));
  }, 120_000);
});

/** A reset is honest, but no link was cut here: it must stay the exception. */
function expectHeard({ whole, reset, wrong }: Hearing): void {
  expect(wrong).toEqual({});
  expect(whole + reset).toBe(COUNT);
  expect(whole).toBeGreaterThanOrEqual(COUNT * 0.95);
}
