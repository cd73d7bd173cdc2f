import { describe, expect, test } from "bun:test";
import { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { exchange, send, TooLongError } from "../../../src/aws/http.ts";
import { startHttpServer, startTcpServer } from "../../helpers/servers.ts";
import { within } from "../../helpers/wait.ts";

const carrier = { agent: new Agent() };
const get = { method: "GET", headers: {} } as const;
const limits = { timeoutMs: 10_000, maxBytes: 1_000 };

describe("an exchange", () => {
  test("sends method, headers and body, and gives status, headers and body", async () => {
    await using server = await startHttpServer((request, response) => {
      response.writeHead(202, { "x-method": request.method, "x-length": request.headers["content-length"] });
      request.pipe(response);
    });
    const put = { method: "PUT", headers: { "x-name": "a" }, body: "über" } as const;
    const answer = await exchange(new URL(`http://127.0.0.1:${server.port}/`), put, carrier, limits);
    expect(answer).toMatchObject({
      status: 202,
      headers: { "x-method": "PUT", "x-length": "5" },
      body: "über",
    });
  });

  test("is given up without a connection in time, but not while it waits for the answer", async () => {
    await using mute = await startTcpServer(() => {}); // it never begins TLS
    const soon = { ...limits, connectTimeoutMs: 100 };
    const call = exchange(new URL(`https://127.0.0.1:${mute.port}/`), get, carrier, soon);
    expect(
      await within(
        "its end",
        call.catch((error: unknown) => error),
        5_000,
      ),
    ).toMatchObject({
      name: "TimeoutError",
    });
    await using slow = await startHttpServer(
      (_, response) => void sleep(300).then(() => response.end("late")),
    );
    const answer = await exchange(new URL(`http://127.0.0.1:${slow.port}/`), get, carrier, soon);
    expect(answer.body).toBe("late");
  });

  test("is given up in all after its time, also in the middle of the answer", async () => {
    await using server = await startHttpServer((_, response) => void response.write("some"));
    const call = exchange(new URL(`http://127.0.0.1:${server.port}/`), get, carrier, {
      ...limits,
      timeoutMs: 100,
    });
    expect(
      await within(
        "its end",
        call.catch((error: unknown) => error),
        5_000,
      ),
    ).toMatchObject({ name: "TimeoutError" });
  });

  test("is given up at an answer that is too long", async () => {
    await using server = await startHttpServer((_, response) => response.end("x".repeat(1_001)));
    const call = exchange(new URL(`http://127.0.0.1:${server.port}/`), get, carrier, limits);
    expect(await call.catch((error: unknown) => error)).toBeInstanceOf(TooLongError);
  });

  test("goes to no web proxy over HTTP, which reaches this machine and its metadata alone", async () => {
    const before = process.env["HTTP_PROXY"];
    process.env["HTTP_PROXY"] = "http://127.0.0.1:1";
    try {
      await using server = await startHttpServer((_, response) => response.end("direct"));
      const answer = await exchange(new URL(`http://127.0.0.1:${server.port}/`), get, carrier, limits);
      expect(answer.body).toBe("direct");
    } finally {
      if (before === undefined) delete process.env["HTTP_PROXY"];
      else process.env["HTTP_PROXY"] = before;
    }
  });
});

test("what cannot be reached is named", async () => {
  const { port } = await startTcpServer().then(async (server) => {
    await server[Symbol.asyncDispose]();
    return server;
  });
  const error = await send(new URL(`https://127.0.0.1:${port}/`), get, carrier).catch(
    (error: unknown) => error,
  );
  expect(error).toMatchObject({
    code: "ERR_UNREACHABLE",
    message: `cannot reach 127.0.0.1:${port}: connection refused`,
  });
});

test("a command that was stopped says so, not that a host cannot be reached", async () => {
  const stop = new AbortController();
  await using server = await startHttpServer(() => stop.abort(new Error("stopped here")));
  const call = send(new URL(`http://127.0.0.1:${server.port}/`), get, { ...carrier, signal: stop.signal });
  expect(await call.catch((error: unknown) => error)).toMatchObject({ message: "stopped here" });
});
