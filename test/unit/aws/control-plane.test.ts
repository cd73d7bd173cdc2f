// The client against a server of the test's own, for answers that the emulator never gives.
import { describe, expect, test } from "bun:test";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent } from "node:https";
import { json } from "node:stream/consumers";
import { ControlPlane, type ControlPlaneOptions } from "../../../src/aws/control-plane.ts";
import { type ErrorCode, ServiceError, type TunnelError } from "../../../src/base/errors.ts";
import { getLogger } from "../../../src/base/log.ts";
import { startHttpServer, startTcpServer } from "../../helpers/servers.ts";
import { waitFor, within } from "../../helpers/wait.ts";

function connect(port: number, options: Partial<ControlPlaneOptions> = {}): ControlPlane {
  return new ControlPlane({
    region: async () => "eu-west-1",
    endpoint: () => ({ url: new URL(`http://127.0.0.1:${port}`), isCustom: true }),
    credentials: async () => ({ accessKeyId: "key", secretAccessKey: "secret" }),
    agent: new Agent(),
    log: getLogger("test"),
    signal: new AbortController().signal,
    ...options,
  });
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.1",
    "x-amzn-requestid": "request-1",
  });
  response.end(JSON.stringify(body));
}

async function failureOf(work: Promise<unknown>): Promise<TunnelError> {
  return work.then(
    () => {
      throw new Error("it did not fail");
    },
    (error) => error,
  );
}

const fault =
  (type: string, message = "why") =>
  (_: IncomingMessage, response: ServerResponse) =>
    answer(response, 400, { __type: `com.amazonaws.iot#${type}`, message });

describe("exceptions of the service", () => {
  test.each([
    ["ResourceNotFoundException", "why", "ERR_NOT_FOUND", '"t-1" was not found in eu-west-1', "--region"],
    ["LimitExceededException", "why", "ERR_LIMIT", "DescribeTunnel was refused", "try again"],
    ["ThrottlingException", "why", "ERR_LIMIT", "DescribeTunnel was refused", "try again"],
    ["SlowDown", "why", "ERR_LIMIT", "DescribeTunnel was refused", "try again"],
    ["AccessDeniedException", "why", "ERR_DENIED", "iot:DescribeTunnel", "iot:DescribeTunnel"],
    ["ExpiredTokenException", "why", "ERR_CREDENTIALS", "ExpiredTokenException", "aws sso login"],
    ["UnrecognizedClientException", "why", "ERR_CREDENTIALS", "were refused", "AWS_ACCESS_KEY_ID"],
    ["InvalidSignatureException", "why", "ERR_CREDENTIALS", "were refused", "AWS_ACCESS_KEY_ID"],
    [
      "InvalidSignatureException",
      "Signature expired: 20260101T000000Z is now earlier",
      "ERR_CREDENTIALS",
      "expired",
      "clock",
    ],
    ["RequestTimeTooSkewed", "why", "ERR_CREDENTIALS", "were refused", "clock"],
    ["ValidationException", "why", "ERR_INVALID", "why", undefined],
    ["SomethingNewException", "why", "ERR_SERVICE", "SomethingNewException", "--endpoint-url"],
  ] as const)("%s (%s)", async (type, message, code, text, hint) => {
    await using server = await startHttpServer(fault(type, message));
    const controlPlane = connect(server.port);
    const error = await failureOf(controlPlane.describeTunnel("t-1"));
    expect(error).toBeInstanceOf(ServiceError);
    expect(error).toMatchObject({ code, awsCode: type, requestId: "request-1" });
    expect(error.message).toContain(text);
    expect(error.message).toContain(message);
    if (hint === undefined) expect(error.hint).toBeUndefined();
    else expect(error.hint).toContain(hint);
    controlPlane.close();
  });

  test.each(["", '{"message":"Too Many Requests"}', "<h1>429</h1>"])(
    "status 429 without the service's own name for it is worth another try too (%p)",
    async (body) => {
      await using server = await startHttpServer((_, response) => void response.writeHead(429).end(body));
      const error = await failureOf(connect(server.port).describeTunnel("t-1"));
      expect(error).toMatchObject({ code: "ERR_LIMIT", hint: expect.stringContaining("try again") });
    },
  );

  test("something else than the service on the port is said so", async () => {
    await using server = await startHttpServer((_, response) => {
      response.writeHead(404, { "content-type": "text/html" }).end("<h1>Not found</h1>");
    });
    const error = await failureOf(connect(server.port).describeTunnel("t-1"));
    expect(error.code).toBeOneOf(["ERR_SERVICE", "ERR_UNREACHABLE"] satisfies ErrorCode[]);
    expect(error.message).toContain(`127.0.0.1:${server.port}`);
    expect(error.hint).toContain("--endpoint-url");
  });

  test.each([200, 403])(
    "a page with status %d is none of the service, and the SDK's advice is not shown",
    async (status) => {
      await using server = await startHttpServer((_, response) => {
        response.writeHead(status, { "content-type": "text/html" }).end("<h1>Hello</h1>");
      });
      expect(await failureOf(connect(server.port).describeTunnel("t-1"))).toMatchObject({
        code: "ERR_UNREACHABLE",
        message: `cannot reach 127.0.0.1:${server.port}: what answers there is no control plane (HTTP status ${status})`,
        hint: "check --endpoint-url",
      });
    },
  );

  test("a fourth service is told the limit, not to try again", async () => {
    const message = "4 services are given; a tunnel has 3 at most";
    await using server = await startHttpServer(fault("LimitExceededException", message));
    expect(await failureOf(connect(server.port).openTunnel({}))).toMatchObject({
      code: "ERR_LIMIT",
      hint: "a tunnel has three services at most: open another tunnel for the rest",
    });
  });
});

describe("an endpoint that cannot be reached is named", () => {
  test("nobody listens", async () => {
    const { port } = await startTcpServer().then(async (server) => {
      await server[Symbol.asyncDispose]();
      return server;
    });
    const error = await failureOf(connect(port).listTunnels({ max: 1 }));
    expect(error).toMatchObject({ code: "ERR_UNREACHABLE" });
    expect(error.message).toContain(`127.0.0.1:${port}: connection refused`);
    expect(error.hint).toContain("--endpoint-url");
  });

  test("the connection is cut", async () => {
    await using server = await startTcpServer((socket) => socket.destroy());
    const error = await failureOf(connect(server.port).openTunnel({}));
    expect(error).toMatchObject({ code: "ERR_UNREACHABLE" });
    expect(error.message).toContain(`127.0.0.1:${server.port}`);
  });

  test("TLS with something that speaks none", async () => {
    await using server = await startTcpServer((socket) => socket.end("no TLS here"));
    const controlPlane = connect(server.port, {
      endpoint: () => ({ url: new URL(`https://127.0.0.1:${server.port}`), isCustom: true }),
    });
    const error = await failureOf(controlPlane.openTunnel({}));
    expect(error).toMatchObject({ code: "ERR_UNREACHABLE" });
    expect(error.message).toContain(`127.0.0.1:${server.port}`);
  });
});

test("a call under way ends with the signal's reason", async () => {
  const stop = new AbortController();
  await using server = await startHttpServer(() => stop.abort(new Error("stopped here")));
  const controlPlane = connect(server.port, { signal: stop.signal });
  expect((await failureOf(controlPlane.describeTunnel("t-1"))).message).toBe("stopped here");
});

describe("repeating", () => {
  const failing = (calls: string[]) => (request: IncomingMessage, response: ServerResponse) => {
    calls.push(String(request.headers["x-amz-target"]));
    answer(response, 500, { __type: "InternalFailure", message: "oops" });
  };

  test("OpenTunnel is sent once: a second one could leave a second tunnel", async () => {
    const calls: string[] = [];
    await using server = await startHttpServer(failing(calls));
    expect(await failureOf(connect(server.port).openTunnel({}))).toMatchObject({ code: "ERR_SERVICE" });
    expect(calls).toEqual(["IoTSecuredTunneling.OpenTunnel"]);
  });

  test("DescribeTunnel is sent three times", async () => {
    const calls: string[] = [];
    await using server = await startHttpServer(failing(calls));
    expect(await failureOf(connect(server.port).describeTunnel("t-1"))).toMatchObject({
      code: "ERR_SERVICE",
    });
    expect(calls).toHaveLength(3);
  });

  /** Answers of one call after the other; the last one is repeated. */
  const answers =
    (calls: IncomingMessage["headers"][], ...steps: ((response: ServerResponse) => void)[]) =>
    (request: IncomingMessage, response: ServerResponse) => {
      const step = steps[Math.min(calls.push(request.headers), steps.length) - 1];
      step?.(response);
    };
  const throttled = (response: ServerResponse) =>
    answer(response, 400, { __type: "ThrottlingException", message: "Rate exceeded" });
  const opened = { tunnelId: "t-1", sourceAccessToken: "s", destinationAccessToken: "d" };

  test("OpenTunnel is sent again where the service says that it did nothing", async () => {
    const calls: IncomingMessage["headers"][] = [];
    await using server = await startHttpServer(
      answers(calls, throttled, (response) => answer(response, 200, opened)),
    );
    expect(await connect(server.port).openTunnel({})).toEqual(opened);
    expect(calls).toHaveLength(2);
  });

  test("a gateway's page in between is no reason to give up", async () => {
    const calls: IncomingMessage["headers"][] = [];
    const page = (response: ServerResponse) =>
      void response.writeHead(503, { "content-type": "text/html" }).end("<h1>Busy</h1>");
    await using server = await startHttpServer(answers(calls, page, (response) => answer(response, 200, {})));
    await connect(server.port).closeTunnel({ tunnelId: "t-1" });
    expect(calls).toHaveLength(2);
  });

  test("a clock that is wrong is corrected once, and for all calls", async () => {
    const skewMs = 3 * 3_600_000;
    const signedAt: number[] = [];
    await using server = await startHttpServer((request, response) => {
      const [, day, time] = /^(\d{8})T(\d{6})Z$/.exec(String(request.headers["x-amz-date"])) ?? [];
      const at = Date.parse(`${day}T${time}Z`.replace(/(....)(..)(..)T(..)(..)(..)/, "$1-$2-$3T$4:$5:$6"));
      signedAt.push(Math.round((at - Date.now()) / 60_000) + 0); // no -0
      response.setHeader("date", new Date(Date.now() + skewMs).toUTCString());
      if (Math.abs(at - Date.now() - skewMs) < 60_000) return answer(response, 200, { tunnelSummaries: [] });
      answer(response, 400, { __type: "InvalidSignatureException", message: "Signature not yet current" });
    });
    const controlPlane = connect(server.port);
    expect(await controlPlane.listTunnels({ max: 1 })).toEqual([]);
    expect(await controlPlane.listTunnels({ max: 1 })).toEqual([]);
    expect(signedAt).toEqual([0, 180, 180]);
  });

  test("a service that refuses every time is asked twice, and the clock is named", async () => {
    let skewMs = 0;
    let asked = 0;
    await using server = await startHttpServer((_, response) => {
      asked += 1;
      skewMs += 3_600_000;
      response.setHeader("date", new Date(Date.now() + skewMs).toUTCString());
      answer(response, 400, { __type: "RequestTimeTooSkewed", message: "why" });
    });
    const error = await failureOf(connect(server.port).describeTunnel("t-1"));
    expect(error).toMatchObject({ code: "ERR_CREDENTIALS", hint: expect.stringContaining("clock") });
    expect(asked).toBe(2);
  });
});

describe("an answer that lacks what is needed", () => {
  test.each<[member: string, call: (controlPlane: ControlPlane) => Promise<unknown>]>([
    ["OpenTunnel of HOST has no tunnelId", (api) => api.openTunnel({})],
    ["DescribeTunnel of HOST has no tunnel", (api) => api.describeTunnel("t-1")],
    ["ListTunnels of HOST has no tunnelSummaries", (api) => api.listTunnels({ max: 1 })],
    [
      "RotateTunnelAccessToken of HOST has no sourceAccessToken",
      (api) => api.rotateTunnelAccessToken({ tunnelId: "t-1", clientMode: "ALL" }),
    ],
    [
      "RotateTunnelAccessToken of HOST has no destinationAccessToken",
      (api) => api.rotateTunnelAccessToken({ tunnelId: "t-1", clientMode: "DESTINATION" }),
    ],
  ])("%s", async (text, call) => {
    await using server = await startHttpServer((_, response) => answer(response, 200, {}));
    expect(await failureOf(call(connect(server.port)))).toMatchObject({
      code: "ERR_SERVICE",
      message: `the answer to ${text.replace("HOST", `127.0.0.1:${server.port}`)}`,
      hint: expect.stringContaining("--endpoint-url"),
    });
  });

  test("a side that is not rotated needs no token, and an answer without members no body", async () => {
    await using server = await startHttpServer((request, response) => {
      const isRotation = String(request.headers["x-amz-target"]).endsWith("RotateTunnelAccessToken");
      if (isRotation) answer(response, 200, { sourceAccessToken: "s" });
      else response.end();
    });
    const api = connect(server.port);
    const rotated = await api.rotateTunnelAccessToken({ tunnelId: "t-1", clientMode: "SOURCE" });
    expect(rotated.sourceAccessToken).toBe("s");
    await api.closeTunnel({ tunnelId: "t-1" });
  });
});

describe("pages of ListTunnels", () => {
  /** Five tunnels in pages of two at most. */
  const pages = (asked: unknown[]) => async (request: IncomingMessage, response: ServerResponse) => {
    const body = (await json(request)) as { nextToken?: string; maxResults: number };
    asked.push(body);
    const start = Number(body.nextToken ?? 0);
    const end = Math.min(5, start + Math.min(2, body.maxResults));
    const tunnelSummaries = [0, 1, 2, 3, 4].slice(start, end).map((n) => ({ tunnelId: `t-${n}` }));
    answer(response, 200, { tunnelSummaries, ...(end < 5 ? { nextToken: String(end) } : {}) });
  };

  test.each([
    [1_000, 5, [100, 100, 100]],
    [5, 5, [5, 3, 1]],
    [3, 3, [3, 1]],
    [1, 1, [1]],
  ])("at most %d", async (max, count, sizes) => {
    const asked: { maxResults: number }[] = [];
    await using server = await startHttpServer((request, response) => void pages(asked)(request, response));
    const found = await connect(server.port).listTunnels({ thingName: "pump-7", max });
    expect(found.map(({ tunnelId }) => tunnelId)).toEqual(
      ["t-0", "t-1", "t-2", "t-3", "t-4"].slice(0, count),
    );
    expect(asked.map(({ maxResults }) => maxResults)).toEqual(sizes);
    expect(asked).toEqual(asked.map((body) => ({ ...body, thingName: "pump-7" }) as never));
  });
});

describe("a list of tunnels that has no end is given up", () => {
  const page = (at: number) => [{ tunnelId: `t-${at}` }];
  test.each<[title: string, why: string, calls: number, next: (call: number) => unknown]>([
    ["the same nextToken", "repeats its nextToken", 2, () => ({ tunnelSummaries: [], nextToken: "again" })],
    [
      "the same nextToken and new tunnels",
      "repeats its nextToken",
      2,
      (call) => ({ tunnelSummaries: page(call), nextToken: "again" }),
    ],
    [
      "nextTokens in a circle",
      "repeats its nextToken",
      4,
      (call) => ({ tunnelSummaries: page(call), nextToken: `n${call % 3}` }),
    ],
    [
      "empty pages",
      "100 pages without a new tunnel",
      101,
      (call) => ({ tunnelSummaries: [], nextToken: `n${call}` }),
    ],
    [
      "the same page under new nextTokens",
      "100 pages without a new tunnel",
      102,
      (call) => ({ tunnelSummaries: page(0), nextToken: `n${call}` }),
    ],
  ])("%s", async (_title, why, calls, next) => {
    let asked = 0;
    await using server = await startHttpServer((_, response) => answer(response, 200, next(asked++)));
    const error = await failureOf(connect(server.port).listTunnels({ max: 100_000 }));
    expect([error.code, error.message]).toEqual(["ERR_SERVICE", expect.stringContaining(why)]);
    expect(asked).toBe(calls);
  });

  test("but a few empty pages, and a tunnel that moved to the next page meanwhile, are no reason", async () => {
    const pages = [page(1), [], [], [...page(1), ...page(2)]];
    let asked = 0;
    await using server = await startHttpServer((_, response) => {
      const tunnelSummaries = pages[asked++];
      answer(response, 200, { tunnelSummaries, nextToken: asked < pages.length ? `n${asked}` : undefined });
    });
    const found = await connect(server.port).listTunnels({ max: 100_000 });
    expect(found.map(({ tunnelId }) => tunnelId)).toEqual(["t-1", "t-2"]);
  });
});

test("an answer without an end is cut off", async () => {
  const gone = Promise.withResolvers<void>();
  await using server = await startHttpServer((request, response) => {
    request.socket.once("close", () => gone.resolve());
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1" });
    const piece = Buffer.alloc(256 * 1024, "x");
    const write = () => {
      while (response.write(piece));
      response.once("drain", write);
    };
    response.on("error", () => {});
    write();
  });
  const error = await failureOf(connect(server.port).listTunnels({ max: 1 }));
  expect([error.code, error.message]).toEqual([
    "ERR_UNREACHABLE",
    "the control plane answers with more than 8 MiB",
  ]);
  await within("the end of its connection", gone.promise);
});

test("closing ends the calls under way, and what they hold", async () => {
  await using silent = await startTcpServer(() => {});
  const client = connect(silent.port);
  const call = client.listTunnels({ max: 1 }).catch(() => "ended");
  await waitFor("the connection", () => silent.accepted > 0);
  client.close();
  expect(await within("the end of the call", call, 1_000)).toBe("ended");
});

test.each([
  ["access key id", { accessKeyId: "key\r", secretAccessKey: "secret" }],
  ["secret access key", { accessKeyId: "key", secretAccessKey: "secret\r" }],
  ["session token", { accessKeyId: "key", secretAccessKey: "secret", sessionToken: "a\nb" }],
])("a line break in the %s is a fault of the credentials, not of the network", async (what, keys) => {
  const controlPlane = connect(1, { credentials: async () => keys });
  const error = await failureOf(controlPlane.describeTunnel("t-1"));
  expect(error.code).toBe("ERR_CREDENTIALS");
  expect(error.message).toContain(`the ${what} has a character that none has`);
});

test("the given credentials and region sign the call, whatever the environment says", async () => {
  const before = { ...process.env };
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: "AKIAREAL",
    AWS_SECRET_ACCESS_KEY: "real",
    AWS_SESSION_TOKEN: "real-session",
    AWS_REGION: "us-east-1",
    AWS_USE_FIPS_ENDPOINT: "true",
    AWS_ENDPOINT_URL: "http://127.0.0.1:1",
  });
  try {
    const headers: IncomingMessage["headers"][] = [];
    await using server = await startHttpServer((request, response) => {
      headers.push(request.headers);
      answer(response, 200, { tunnel: { tunnelId: "t-1", status: "OPEN", createdAt: 1.5 } });
    });
    expect(await connect(server.port).describeTunnel("t-1")).toEqual({
      tunnelId: "t-1",
      status: "OPEN",
      createdAt: new Date(1_500),
    });
    expect(headers[0]?.authorization).toContain("Credential=key/");
    expect(headers[0]?.authorization).toContain("/eu-west-1/IoTSecuredTunneling/");
    expect(JSON.stringify(headers)).not.toMatch(/real/i);
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
});
