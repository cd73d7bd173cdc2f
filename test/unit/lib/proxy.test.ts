import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { inspect } from "node:util";
import { OPTIONS } from "../../../src/cli/config/options.ts";
import { CARRYING_DEFAULTS } from "../../../src/lib/carrying.ts";
import { createControlPlane } from "../../../src/lib/control-plane.ts";
import { type LocalService, serveLocal } from "../../../src/lib/emulator.ts";
import { openProxy } from "../../../src/lib/proxy.ts";
import type { ProxySession } from "../../../src/lib/proxy-session.ts";

/** A service, a tunnel of it and both ends, the far one on a server that repeats what it gets. */
async function carried() {
  await using stack = new AsyncDisposableStack();
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  stack.defer(() => void echo.close());
  const service = stack.use(await serveLocal({ mqtt: false }));
  const tunnel = await service.openTunnel({ services: ["ECHO"] });
  const { dataPlane } = service;
  const destination = stack.use(
    await openProxy({
      mode: "destination",
      dataPlane,
      accessToken: tunnel.destinationAccessToken,
      services: { ECHO: (echo.address() as AddressInfo).port },
    }),
  );
  const source = stack.use(
    await openProxy({
      mode: "source",
      dataPlane,
      accessToken: tunnel.sourceAccessToken,
      services: { ECHO: 0 },
    }),
  );
  const taken = stack.move();
  return { service, tunnel, source, destination, [Symbol.asyncDispose]: () => taken.disposeAsync() };
}

function talk(port: number, words: string): Promise<string> {
  return text(connect({ port, host: "127.0.0.1", allowHalfOpen: true }).end(words));
}

/** What a promise is rejected with. */
async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string; hint?: string }> {
  return promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: Error) => error,
  );
}

async function withService<T>(work: (service: LocalService) => Promise<T>): Promise<T> {
  await using service = await serveLocal({ mqtt: false });
  return await work(service);
}

function sourceOf(service: LocalService, accessToken: string, services = { SSH: 0 } as object) {
  const { dataPlane } = service;
  return { mode: "source", dataPlane, accessToken, services: services as Record<string, number> } as const;
}

describe("a pair of proxies", () => {
  test("carries bytes there and back, and says what it carried", async () => {
    await using pair = await carried();
    const { source, destination } = pair;
    const closed = once(source, "connection-closed");
    const dialled = once(destination, "dialled");
    expect(await talk(source.port("ECHO"), "words")).toBe("words");
    expect((await closed)[0]).toMatchObject({ service: "ECHO", bytesToTunnel: 5, bytesFromTunnel: 5 });
    expect((await dialled)[0]).toMatchObject({ service: "ECHO", address: "127.0.0.1" });
    expect(source.facts).toMatchObject({ link: "connected", services: ["ECHO"], bytesToTunnel: 5 });
    expect([...source.listening.keys()]).toEqual(["ECHO"]);
    expect([...destination.listening.keys()]).toEqual([]);
  });

  test("tells each event by its name and as one of all", async () => {
    await using pair = await carried();
    const names: string[] = [];
    pair.source.on("event", ({ event }) => names.push(event));
    const opened = once(pair.source, "connection-opened");
    await talk(pair.source.port(), "x");
    await opened;
    await pair.source.close();
    expect(names.slice(0, 2)).toEqual(["connection-opened", "connection-closed"]);
  });

  test("leaves no listener behind when it is closed, and says that it was", async () => {
    await using pair = await carried();
    const port = pair.source.port();
    await pair.source.close();
    await pair.source.close();
    expect(await pair.source.ended).toBe("stopped");
    expect(await failureOf(talk(port, "x"))).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("ends when the tunnel is closed", async () => {
    await using pair = await carried();
    using control = createControlPlane(pair.service.controlPlane);
    await control.closeTunnel({ tunnelId: pair.tunnel.tunnelId });
    expect(await pair.source.ended).toBe("tunnel-closed");
    expect(await pair.destination.ended).toBe("tunnel-closed");
  });

  test("fails where another one takes its side, and nobody has to listen", async () => {
    await using pair = await carried();
    const { source, service, tunnel } = pair;
    const { clientToken } = source;
    const options = { ...sourceOf(service, tunnel.sourceAccessToken, { ECHO: 0 }), clientToken };
    await using second = await openProxy(options);
    expect(await failureOf(source.ended)).toMatchObject({ code: "ERR_REPLACED" });
    expect(await talk(second.port(), "again")).toBe("again");
  });
});

describe("openProxy fails", () => {
  const wrong: [string, object, string][] = [
    ["no service", { services: {} }, "ERR_USAGE"],
    ["a service without a port", { services: { SSH: "localhost" } }, "ERR_USAGE"],
    ["two addresses in one", { services: { SSH: "22,VNC=23" } }, "ERR_USAGE"],
    ["an access token with a line break", { accessToken: "top secret\n" }, "ERR_USAGE"],
    ["a short client token", { clientToken: "top secret" }, "ERR_USAGE"],
    ["no data plane", { dataPlane: undefined }, "ERR_USAGE"],
    ["a region that leads elsewhere", { dataPlane: undefined, region: "evil.example/" }, "ERR_CONFIG"],
  ];
  test.each(wrong)("for %s, before anything is dialled", async (_what, more, code) => {
    const options = { mode: "source", accessToken: "token", services: { SSH: 0 } } as const;
    const dataPlane = { host: "127.0.0.1", port: 9 };
    const failure = await failureOf(openProxy({ ...options, dataPlane, ...more }));
    expect(failure).toMatchObject({ code });
    expect(`${failure.message} ${failure.hint}`).not.toContain("secret");
    expect(`${failure.hint}`).not.toContain("tunnel proxy");
  });

  test("with what the service said of a token that it does not know, without showing it", async () => {
    await withService(async (service) => {
      const failure = await failureOf(openProxy(sourceOf(service, "AQUAtop-secret")));
      expect(failure).toMatchObject({ code: "ERR_HANDSHAKE_REJECTED" });
      expect(inspect(failure)).not.toContain("top-secret");
    });
  });

  test("for other services than the tunnel has, and for a port that is taken, leaving nothing open", async () => {
    await withService(async (service) => {
      const { sourceAccessToken } = await service.openTunnel({ services: ["SSH"] });
      const other = { ...sourceOf(service, sourceAccessToken, { VNC: 0 }), clientToken: "c".repeat(32) };
      expect(await failureOf(openProxy(other))).toMatchObject({ code: "ERR_SERVICE_IDS_MISMATCH" });
      const taken = createServer().listen(0, "127.0.0.1");
      await once(taken, "listening");
      const { port } = taken.address() as AddressInfo;
      const busy = { ...other, services: { SSH: port } };
      expect(await failureOf(openProxy(busy))).toMatchObject({ code: "ERR_LISTEN" });
      taken.close();
      await using free = await openProxy(busy);
      expect(free.port("SSH")).toBe(port);
      expect(() => free.port("VNC")).toThrow('no port of service "VNC"; these listen on one: SSH');
    });
  });

  test("with the reason of its signal, before and while it connects", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const stop = new AbortController();
    const options = {
      mode: "source",
      accessToken: "token",
      services: { SSH: 0 },
      dataPlane: { host: "127.0.0.1", port },
      signal: stop.signal,
    } as const;
    const opening = failureOf(openProxy(options));
    await once(silent, "connection");
    stop.abort(new Error("changed my mind"));
    expect((await opening).message).toBe("changed my mind");
    expect((await failureOf(openProxy(options))).message).toBe("changed my mind");
    silent.close();
  });
});

test("a signal that is aborted later ends a session in good order", async () => {
  await withService(async (service) => {
    const { sourceAccessToken } = await service.openTunnel({ services: ["SSH"] });
    const stop = new AbortController();
    const options = { ...sourceOf(service, sourceAccessToken), signal: stop.signal };
    const session: ProxySession = await openProxy(options);
    stop.abort();
    expect(await session.ended).toBe("stopped");
  });
});

test("what is used where nothing is said is what the program uses", () => {
  expect(CARRYING_DEFAULTS).toEqual({
    stallTimeoutMs: OPTIONS.stallTimeout.fallback as 10_000,
    lingerMs: OPTIONS.linger.fallback as 1_000,
    keepaliveMs: OPTIONS.keepalive.fallback as 10_000,
  });
});
