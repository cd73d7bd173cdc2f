// What every command does right or wrong: mistakes, closed pipes, signals, settings that lead nowhere.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { startFakeService } from "../helpers/fake-service.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { freePort, startHttpServer, startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { BINARY, runTunnel, startTunnel } from "../helpers/tunnel.ts";

describe("mistakes", () => {
  test("are told on stderr in two lines, with the corrected command, and are 64", async () => {
    expect(await runTunnel(["list", "--regoin", "eu-west-1"])).toEqual({
      code: 64,
      signal: null,
      stdout: "",
      stderr: 'tunnel: error: unknown option "--regoin"\ntunnel: hint: tunnel list --region eu-west-1',
    });
  });

  test("are one JSON line with --json, even if the line cannot be read", async () => {
    const { code, stdout, stderr } = await runTunnel(["lst", "--json"]);
    expect([code, stdout, stderr.split("\n").length]).toEqual([64, "", 1]);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: "ERR_USAGE", message: 'unknown command "lst"', hint: "tunnel list --json" },
    });
  });

  test("without anything there is help, on stdout and with 0", async () => {
    const { code, stdout, stderr } = await runTunnel([]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Usage: tunnel COMMAND");
  });
});

describe("settings that lead nowhere", () => {
  const nobody = { AWS_EC2_METADATA_DISABLED: "true" };
  const FIPS = { AWS_USE_FIPS_ENDPOINT: "true", AWS_ENDPOINT_URL: "https://localhost:1" };
  test.each([
    ["no region", ["list"], {}, 78, "no region given"],
    ["a wrong region", ["list"], { AWS_REGION: "eu-wst" }, 78, 'region "eu-wst" (from AWS_REGION)'],
    ["a region with a typo", ["list", "--region", "eu-wset-1"], {}, 78, "hint: did you mean eu-west-1?"],
    ["one without its number", ["list", "--region", "eu-west"], {}, 78, "did you mean eu-west-1?"],
    [
      "one of a proxy",
      ["proxy", "source", "-p", "0", "-t", "x", "--region", "us-eats-1"],
      {},
      78,
      "us-east-1?",
    ],
    [
      "one of an agent",
      ["agent", "--thing", "a", "--map", "A=1", "--region", "us-eats-1"],
      {},
      78,
      "us-east-1?",
    ],
    [
      "one of a connect",
      ["connect", "--thing", "a", "--service", "A", "--region", "us-eats-1"],
      {},
      78,
      "us-east-1?",
    ],
    [
      "no region, in a profile that is not there",
      ["list", "--profile", "nope"],
      {},
      78,
      'none in profile "nope"',
    ],
    [
      "FIPS of an endpoint",
      ["list", "--region", "eu-west-1"],
      FIPS,
      78,
      "FIPS and custom endpoint are not supported",
    ],
    ["no credentials", ["list", "--region", "eu-west-1"], nobody, 77, "no AWS credentials found"],
    [
      "an unknown profile",
      ["list", "--region", "eu-west-1", "--profile", "nope"],
      nobody,
      77,
      'in profile "nope"',
    ],
    ["an unreadable CA", ["list", "--ca", "/nowhere"], {}, 78, '"/nowhere": no such file or directory'],
    [
      "a log file that cannot be",
      ["list", "--log-file", "/no/where"],
      {},
      78,
      'cannot write logs to "/no/where"',
    ],
    ["no serve-local", ["list", "--local"], {}, 69, "tunnel serve-local"],
    [
      "--local and a profile",
      ["list", "--local", "--profile", "x"],
      {},
      64,
      "--profile cannot be used with --local",
    ],
    [
      "TUNNEL_LOCAL and an endpoint",
      ["list", "--endpoint-url", "https://x"],
      { TUNNEL_LOCAL: "1" },
      64,
      "with TUNNEL_LOCAL",
    ],
  ] as const)("%s", async (_, args, env, expected, message) => {
    const { code, stdout, stderr } = await runTunnel(args, env);
    expect([code, stdout, stderr.includes(message)]).toEqual([expected, "", true]);
  });

  test("TUNNEL_LOCAL beside a profile of the environment is no conflict", async () => {
    await using server = await serveLocal();
    const env = { TUNNEL_LOCAL: server.stateDir, AWS_PROFILE: "nope" };
    expect((await runTunnel(["list"], env)).code).toBe(0);
  });

  test("nobody at the endpoint is 69 and names it", async () => {
    const args = ["list", "--region", "eu-west-1", "--endpoint-url", "https://127.0.0.1:1"];
    const { code, stderr } = await runTunnel(args, { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" });
    expect([code, stderr.includes("cannot reach 127.0.0.1:1: connection refused")]).toEqual([69, true]);
  });

  test("a certificate that is not trusted is 69 and says what to name", async () => {
    await using server = await serveLocal();
    const args = ["list", "--region", "us-east-1", "--endpoint-url", server.endpoint.controlPlane];
    const env = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };
    const { code, stderr } = await runTunnel(args, env);
    expect([code, stderr.includes("--ca FILE")]).toEqual([69, true]);
    expect((await runTunnel([...args, "--ca", server.endpoint.ca], env)).code).toBe(0);
    expect((await runTunnel([...args, "--ca", join(server.stateDir, "ca/certs")], env)).code).toBe(0);
    expect((await runTunnel(args, { ...env, AWS_CA_BUNDLE: server.endpoint.ca })).code).toBe(0);
    expect((await runTunnel(args, { ...env, SSL_CERT_DIR: join(server.stateDir, "ca/certs") })).code).toBe(0);
  });
});

test.each([
  [-30, "is not valid yet"],
  [500, "has expired"],
])("a certificate that was issued %i days ago %s: the clock is named", async (issuedDaysAgo, words) => {
  await using service = await startFakeService({ issuedDaysAgo });
  const { code, stderr } = await runTunnel(["list", ...service.args, "--ca", service.ca], service.env);
  expect(code).toBe(69);
  const source = await runTunnel(["proxy", "source", "-p", "0", ...service.args, "--ca", service.ca], {
    ...service.env,
    AWSIOT_TUNNEL_ACCESS_TOKEN: "token",
  });
  expect(source.stderr).toMatch(
    new RegExp(`certificate of localhost:\\d+ ${words}, by this machine's clock`),
  );
  expect(stderr).toMatch(
    new RegExp(`localhost:\\d+: its certificate ${words}, by this machine's clock: \\d{4}-`),
  );
  expect(stderr).toContain("hint: is the clock of this machine set?");
});

test("a profile brings its region, its endpoint and its credentials along", async () => {
  using dir = tempDir();
  const seen: (string | undefined)[] = [];
  await using server = await startHttpServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end('{"tunnelSummaries":[]}');
  });
  const config = join(dir.path, "config");
  writeFileSync(
    config,
    [
      "[profile field]",
      "region = eu-central-1",
      `endpoint_url = http://127.0.0.1:${server.port}`,
      "aws_access_key_id = AKIAFIELD",
      "aws_secret_access_key = secret",
    ].join("\n"),
  );
  const env = {
    AWS_CONFIG_FILE: config,
    AWS_SHARED_CREDENTIALS_FILE: join(dir.path, "none"),
    AWS_ACCESS_KEY_ID: "AKIAOTHER",
    AWS_SECRET_ACCESS_KEY: "x",
  };
  const { code, stdout, stderr } = await runTunnel(["list", "--profile", "field", "--json"], env);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '{"tunnelSummaries":[]}', stderr: "" });
  expect(seen[0]).toMatch(/Credential=AKIAFIELD\/\d{8}\/eu-central-1\//);
});

test("the control plane is reached through the web proxy, unless NO_PROXY names it", async () => {
  const name = "control.example.test";
  await using server = await serveLocal({ args: ["--host", name] });
  const port = Number(new URL(server.endpoint.controlPlane).port);
  const asked: string[] = [];
  const webProxy = createServer();
  webProxy.on("connect", (request, client) => {
    asked.push(`${request.url} ${request.headers["proxy-authorization"]}`);
    const upstream = connect(port, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    for (const [one, other] of [
      [upstream, client],
      [client, upstream],
    ] as const)
      one.on("error", () => other.destroy());
  });
  await once(webProxy.listen(0, "127.0.0.1"), "listening");
  try {
    const env = {
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
      HTTPS_PROXY: `http://me:100%@127.0.0.1:${(webProxy.address() as AddressInfo).port}`,
    };
    const args = [
      "list",
      "--json",
      "--region",
      "us-east-1",
      "--ca",
      server.endpoint.ca,
      "--endpoint-url",
      `https://${name}:${port}`,
    ];
    expect(await runTunnel(args, env)).toMatchObject({ code: 0, stdout: '{"tunnelSummaries":[]}' });
    expect(asked).toEqual([`${name}:${port} Basic ${btoa("me:100%")}`]);
    expect((await runTunnel(args, { ...env, NO_PROXY: ".example.test" })).code).toBe(69);
    expect(asked).toHaveLength(1);
  } finally {
    webProxy.close();
    webProxy.closeAllConnections();
  }
});

describe("a web proxy that does not let the control plane be reached is named", () => {
  const list = ["list", "--region", "eu-west-1", "--endpoint-url", "https://control.example.test"];
  const credentials = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };

  test("when nobody listens there", async () => {
    const port = await freePort();
    const env = { ...credentials, HTTPS_PROXY: `http://me:pass@127.0.0.1:${port}` };
    const { code, stderr } = await runTunnel(list, env);
    expect([code, stderr.split("\n")]).toEqual([
      69,
      [
        `tunnel: error: cannot reach web proxy 127.0.0.1:${port}: connection refused`,
        "tunnel: hint: check HTTPS_PROXY; NO_PROXY names hosts to reach without it",
      ],
    ]);
  });

  test("when it accepts and stays silent: by its name, and the command ends", async () => {
    await using web = await startTcpServer(() => {});
    const startedAt = performance.now();
    const { code, stderr } = await runTunnel(list, {
      ...credentials,
      HTTPS_PROXY: `http://me:100%@127.0.0.1:${web.port}`,
    });
    expect([code, stderr.split("\n")]).toEqual([
      69,
      [
        `tunnel: error: the web proxy 127.0.0.1:${web.port} does not answer: waited 4.5 s`,
        "tunnel: hint: check HTTPS_PROXY; NO_PROXY names hosts to reach without it",
      ],
    ]);
    expect(web.accepted).toBe(1);
    expect(performance.now() - startedAt).toBeLessThan(12_000);
  }, 15_000);

  test.each([
    ["https://127.0.0.1:", "speaks no TLS", "write http:// in HTTPS_PROXY"],
    ["http://me:pa/ss@127.0.0.1:", "in its user name or password", "percent-encode them: %2F for /"],
    ["http://me:12#ss@127.0.0.1:", "in its user name or password", "%23 for #"],
  ])("when HTTPS_PROXY is %sPORT", async (start, message, hint) => {
    await using web = await startTcpServer((socket) =>
      socket.once("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")),
    );
    const { code, stderr } = await runTunnel(list, { ...credentials, HTTPS_PROXY: `${start}${web.port}` });
    expect([code, stderr]).toEqual([start.startsWith("https:") ? 69 : 78, expect.stringContaining(message)]);
    expect(stderr).toContain(hint);
    expect(stderr).not.toMatch(/OPENSSL|pa\/ss|12#/);
  });

  test.each([
    [407, "wants credentials (status 407)", "put them into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT"],
    [
      403,
      "refused to connect to control.example.test:443 with status 403",
      "does it allow this host and port? NO_PROXY names hosts to reach without it",
    ],
  ])("when it answers %d", async (status, message, hint) => {
    await using web = await startTcpServer((socket) =>
      socket.once("data", () => socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`)),
    );
    const env = { ...credentials, HTTPS_PROXY: `http://127.0.0.1:${web.port}` };
    const { code, stderr } = await runTunnel(list, env);
    expect([code, stderr.split("\n")]).toEqual([
      69,
      [`tunnel: error: the web proxy 127.0.0.1:${web.port} ${message}`, `tunnel: hint: ${hint}`],
    ]);
  });
});

describe("a signal while a command waits for an answer", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s is %d, at once and without a word", async (signal, expected) => {
    const called = Promise.withResolvers<void>();
    await using server = await startTcpServer((socket) => socket.once("data", () => called.resolve()));
    const args = ["list", "--region", "eu-west-1", "--endpoint-url", `http://127.0.0.1:${server.port}`];
    await using list = startTunnel(args, { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" });
    await called.promise;
    list.signal(signal);
    expect(await list.exited).toEqual({ code: expected, signal: null });
    expect([list.stdout, list.stderr]).toEqual(["", ""]);
  });
});

describe("output that nobody takes", () => {
  const shell = (script: string) =>
    spawnSync("bash", ["-c", `set -o pipefail; ${script}`, BINARY], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: "/nonexistent" },
    });

  test.each(["--version", "--help", "open --help"])("%s into a closed pipe ends quietly", (args) => {
    for (let round = 0; round < 5; round += 1) {
      const { status, stderr } = shell(`"$0" ${args} | true`);
      expect([status, stderr]).toEqual([0, ""]);
    }
  });

  test("an error into a closed pipe keeps its exit code", () => {
    expect(shell('"$0" nope 2>&1 >/dev/null | true').status).toBe(64);
  });

  test("a server that cannot say where it listens ends, and says no more", () => {
    const { status, stderr } = shell('"$0" serve-local --ephemeral --listen 0 --json >/dev/full');
    expect([status, stderr]).toEqual([74, "tunnel: error: cannot write the answer: ENOSPC\n"]);
  });

  test("a full disk is told", () => {
    const { status, stderr } = shell('"$0" --help >/dev/full');
    expect([status, stderr]).toEqual([74, "tunnel: error: cannot write the answer: ENOSPC\n"]);
  });
});

test("where logs are JSON lines, remarks are too", async () => {
  await using server = await serveLocal({ args: ["--log-format", "json"] });
  const { code, stderr } = await runTunnel(["list", "--log-format", "json", ...server.local]);
  const lines = stderr.split("\n").map((line) => JSON.parse(line));
  const note = { time: expect.any(String), level: "info", area: "note" };
  const url = server.endpoint.controlPlane;
  expect([code, lines]).toEqual([
    0,
    [
      { ...note, message: `local: ${url} (${server.stateDir})` },
      { ...note, message: "no tunnels" },
    ],
  ]);
});

test("logs go to a file, as JSON lines if wanted", async () => {
  using dir = tempDir();
  const path = join(dir.path, "log");
  const args = ["proxy", "source", "-p", "0", "-t", "x", "--log-file", path, "--log-format", "json"];
  const { stderr } = await runTunnel(args);
  expect(stderr).not.toContain("command line can be read");
  expect(JSON.parse(await Bun.file(path).text())).toMatchObject({ level: "warn", area: "proxy.source" });
});
