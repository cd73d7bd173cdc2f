import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { ServiceError, UnreachableError } from "../../../src/base/errors.ts";
import { ProxyRecord } from "../../../src/proxy/facts.ts";
import { StatusBoard } from "../../../src/proxy/status.ts";
import { feed, type TunnelSource } from "../../../src/tui/sources.ts";
import { Store } from "../../../src/tui/view-store.ts";
import { failureOf } from "../../helpers/proxies.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { waitFor, within } from "../../helpers/wait.ts";
import { sourceStatus, stateOf, TUNNELS } from "./samples.ts";

const THROTTLED = new ServiceError("ERR_LIMIT", "slower, please", { awsCode: "ThrottlingException" });

function start(sources: Parameters<typeof feed>[1]) {
  const store = new Store(stateOf({ columns: 80, rows: 24 }));
  const stop = new AbortController();
  const ended = feed(store, sources, stop.signal);
  ended.catch(() => {}); // whoever waits for it is told
  return {
    store,
    ended,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await ended.catch(() => {});
    },
  };
}

describe("the control plane", () => {
  test("is asked for the list, then for details: five at a time, of a closed tunnel once", async () => {
    const asked: string[][] = [];
    const listed = Array.from({ length: 8 }, (_, number) => ({ tunnelId: `t${number}`, isOpen: number < 7 }));
    const source: TunnelSource = {
      everyMs: 5,
      list: async () => {
        asked.push([]);
        return listed;
      },
      describe: async (tunnelId) => {
        asked.at(-1)?.push(tunnelId);
        return { tunnelId, isOpen: tunnelId !== "t7", thing: `thing of ${tunnelId}` };
      },
    };
    await using watch = start({ tunnels: source });
    await waitFor(
      "every detail",
      () => watch.store.state().tunnels.filter(({ thing }) => thing).length === 8,
    );
    for (const ids of asked) expect(ids.length).toBeLessThanOrEqual(5);
    await waitFor("further rounds", () => asked.length > 5);
    expect(asked.flat().filter((id) => id === "t7")).toEqual(["t7"]);
  });

  test("is asked less and less often while it fails; what was known stays", async () => {
    const times: number[] = [];
    let isThrottling = false;
    const source: TunnelSource = {
      everyMs: 20,
      list: async () => {
        times.push(performance.now());
        if (isThrottling) throw THROTTLED;
        return TUNNELS;
      },
    };
    await using watch = start({ tunnels: source });
    await waitFor("the list", () => watch.store.state().isLoaded);
    isThrottling = true;
    times.length = 0;
    await waitFor("four failures", () => times.length >= 4);
    const [first = 0, second = 0, third = 0, fourth = 0] = times;
    expect(second - first).toBeGreaterThanOrEqual(39);
    expect(third - second).toBeGreaterThanOrEqual(79);
    expect(fourth - third).toBeGreaterThanOrEqual(159);
    expect(watch.store.state()).toMatchObject({
      tunnels: TUNNELS,
      pollFailure: expect.stringContaining("slower"),
    });
    isThrottling = false;
    await waitFor("the recovery", () => watch.store.state().pollFailure === undefined);
  });

  test("that fails at once ends the watch with its error", async () => {
    const failure = new UnreachableError("nobody there");
    await using watch = start({
      tunnels: {
        everyMs: 5,
        list: async () => {
          throw failure;
        },
      },
    });
    expect(await failureOf(watch.ended)).toBe(failure);
  });
});

/** A process that publishes what it is told to write. */
async function publisher(directory: string, pid: number) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket));
  await once(server.listen(join(directory, `${pid}.sock`)), "listening");
  return {
    write: async (text: string) => {
      await waitFor("a watcher", () => sockets.length > 0);
      for (const socket of sockets) socket.write(text);
    },
    [Symbol.dispose]: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe("other processes", () => {
  test("are read line by line, and forgotten when they end", async () => {
    using dir = tempDir();
    const status = sourceStatus(1_000);
    const other = await publisher(dir.path, status.pid);
    await using watch = start({ statusDirectories: () => [dir.path] });
    const line = JSON.stringify(status);
    await other.write(line.slice(0, 40));
    await other.write(`${line.slice(40)}\n`);
    await waitFor("its status", () => watch.store.state().processes.has(status.pid));
    await other.write(`not JSON\n${JSON.stringify({ ...status, version: 2 })}\n`);
    expect(watch.store.state().processes.get(status.pid)?.status).toEqual(status);
    other[Symbol.dispose]();
    await waitFor("its end", () => !watch.store.state().processes.has(status.pid));
  });

  test("that speak for another process are not believed", async () => {
    using dir = tempDir();
    const status = sourceStatus(0);
    using liar = await publisher(dir.path, 1);
    using honest = await publisher(dir.path, status.pid);
    await using watch = start({ statusDirectories: () => [dir.path] });
    await liar.write(`${JSON.stringify(status)}\n`);
    await honest.write(`${JSON.stringify(status)}\n`);
    await waitFor("the honest one", () => watch.store.state().processes.size > 0);
    expect([...watch.store.state().processes.keys()]).toEqual([status.pid]);
  });

  test("that write without end are dropped", async () => {
    using dir = tempDir();
    const server = createServer();
    await once(server.listen(join(dir.path, "7.sock")), "listening");
    const accepted = once(server, "connection") as Promise<[Socket]>;
    await using watch = start({ statusDirectories: () => [dir.path] });
    const [socket] = await within("a watcher", accepted);
    const closed = new Promise((resolve) => socket.on("error", () => {}).once("close", resolve));
    socket.write("x".repeat(3 * 1024 * 1024));
    await within("the end", closed);
    expect(watch.store.state().processes.size).toBe(0);
    server.close();
  });
});

test("what this process does is sampled, without its events", async () => {
  const board = new StatusBoard({ pid: 1, command: "proxy source" }, () => Date.now());
  board.open({ id: "one", mode: "source", services: ["SSH"] }, { facts: new ProxyRecord().facts });
  board.say("something");
  await using watch = start({ board });
  await waitFor("a sample", () => watch.store.state().processes.get(1)?.status.sessions.length === 1);
  expect(watch.store.state().events).toEqual([]);
});
