// The doctor beside a healthy service, and beside everything that goes wrong in practice.
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseTar } from "nanotar";
import { ACCOUNT, SECRETS, startFakeService } from "../helpers/fake-service.ts";
import { DATA_HOST, startIotCore } from "../helpers/iot-core.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { freePort, startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";

interface Finding {
  readonly check: string;
  readonly verdict: string;
  readonly message: string;
  readonly fix?: string;
}

/** Runs the doctor; the findings by the name of their check. */
async function examine(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  // No credentials but those given: not the ones of a virtual machine either.
  const { code, stdout, stderr } = await runTunnel(["doctor", "--json", ...args], {
    AWS_EC2_METADATA_DISABLED: "true",
    ...env,
  });
  const { checks } = JSON.parse(stdout || "{}") as { checks: Finding[] };
  const of = (check: string) => checks.find((finding) => finding.check === check);
  const failing = checks.filter(({ verdict }) => verdict === "fail").map(({ check }) => check);
  return { code, stderr, checks, of, failing };
}

describe("a healthy service", () => {
  test("has nothing but ok, within seconds, and changes nothing", async () => {
    await using server = await serveLocal();
    const startedAt = performance.now();
    const { code, checks } = await examine(server.local);
    expect(checks.filter(({ verdict }) => verdict !== "ok")).toEqual([]);
    expect(checks.map(({ check }) => check)).toEqual([
      "settings",
      "web-proxy",
      "dns-control-plane",
      "dns-data-plane",
      "clock",
      "tls-control-plane",
      "tls-data-plane",
      "credentials",
      "control-plane",
      "permissions",
      "data-plane",
      "mqtt",
    ]);
    expect(code).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    const { stdout } = await runTunnel(["list", "--json", ...server.local]);
    expect(JSON.parse(stdout)).toEqual({ tunnelSummaries: [] });
  });

  test("text: a line for each check and a sum", async () => {
    await using server = await serveLocal();
    const { code, stdout } = await runTunnel(["doctor", ...server.local, "--thing", "pump-7"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {7}clock {14}within 1 s of the service's$/m);
    expect(stdout).toMatch(/^unknown {2}thing .*no open tunnel of "pump-7" shows it/m);
    expect(stdout).toMatch(/\n12 ok, 0 to look at, 0 failed, 1 unknown$/);
  });

  test("a device that is connected to a tunnel is online, and its service is known", async () => {
    await using server = await serveLocal();
    using home = tempDir();
    const env = { XDG_STATE_HOME: home.path };
    await runTunnel(["open", "--thing", "pump-7", "--service", "SSH", ...server.local], env);
    await using device = startTunnel(["proxy", "destination", "-d", "SSH=1", ...server.local], env);
    await device.waitForLine(/connected to the tunnel/, "stderr");
    const words = ["--thing", "pump-7", "--service", "SSH", "--service", "VNC", ...server.local];
    const { of, checks } = await examine(words);
    expect(of("thing")).toMatchObject({
      verdict: "ok",
      message: expect.stringContaining('"pump-7" is online'),
    });
    expect(checks.filter(({ check }) => check === "service").map(({ verdict }) => verdict)).toEqual([
      "ok",
      "unknown",
    ]);
  });

  test("of somebody's own: credentials, identity and permissions", async () => {
    await using service = await startFakeService();
    const { code, of, failing } = await examine([...service.args, "--ca", service.ca], service.env);
    expect({ failing, code }).toEqual({ failing: [], code: 0 });
    expect(of("credentials")?.message).toBe(
      `access key AKIA…MPLE is arn:aws:sts::${ACCOUNT}:assumed-role/operator/jane`,
    );
    expect(of("permissions")).toMatchObject({ verdict: "ok" });
  });
});

describe.concurrent("what goes wrong", () => {
  test("no serve-local: 69 and how to start it", async () => {
    using dir = tempDir();
    const { code, of } = await examine(["--local", join(dir.path, "none")]);
    expect(code).toBe(69);
    expect(of("settings")?.fix).toBe(`tunnel serve-local --state-dir ${join(dir.path, "none")}`);
  });

  test("nothing listens: 69", async () => {
    const port = await freePort();
    await using service = await startFakeService();
    const args = ["--endpoint-url", `https://localhost:${port}`, "--proxy-endpoint", `localhost:${port}`];
    const { code, of, failing } = await examine([...args, "--ca", service.ca], service.env);
    expect(code).toBe(69);
    expect(failing).toEqual(["tls-control-plane", "tls-data-plane", "control-plane", "data-plane"]);
    expect(of("tls-data-plane")?.message).toContain("connection refused");
    expect(of("clock")?.verdict).toBe("unknown");
  });

  test("a name that nobody knows: dns fails first", async () => {
    await using service = await startFakeService();
    const args = ["--endpoint-url", "https://control.invalid", "--proxy-endpoint", "data.invalid"];
    const { code, of } = await examine([...args, "--ca", service.ca], service.env);
    expect(code).toBe(69);
    expect(of("dns-control-plane")).toMatchObject({
      verdict: "fail",
      message: expect.stringContaining('"control.invalid"'),
    });
    expect(of("dns-data-plane")?.verdict).toBe("fail");
  });

  test("an authority that is not trusted is named: 78", async () => {
    await using server = await serveLocal();
    await using service = await startFakeService();
    const { controlPlane, dataPlane } = server.endpoint;
    const args = ["--endpoint-url", controlPlane, "--proxy-endpoint", dataPlane, "--ca", service.ca];
    const { code, of } = await examine(args, service.env);
    expect(code).toBe(78);
    for (const check of ["tls-control-plane", "tls-data-plane"]) {
      expect(of(check)).toMatchObject({
        verdict: "fail",
        message: expect.stringMatching(/"localhost" was issued by "tunnel serve-local CA [0-9a-f]{8}"/),
        fix: expect.stringContaining("--ca FILE"),
      });
    }
  });

  test("an expired certificate is named with its day", async () => {
    await using service = await startFakeService({ issuedDaysAgo: 450 });
    const { code, of } = await examine([...service.args, "--ca", service.ca], service.env);
    expect(code).toBe(69);
    expect(of("tls-data-plane")?.message).toMatch(/^the certificate "localhost" expired on \d{4}-\d\d-\d\d$/);
  });

  test("a certificate for another name says which", async () => {
    await using service = await startFakeService({ name: "elsewhere.test" });
    const { code, of } = await examine([...service.args, "--ca", service.ca], service.env);
    expect(code).toBe(78);
    expect(of("tls-control-plane")?.message).toBe(
      "the certificate is for DNS:elsewhere.test, not for localhost",
    );
  });

  test.each([
    { minutes: 10, verdict: "fail", code: 78, message: /behind the service's; signatures of such a clock/ },
    {
      minutes: -10,
      verdict: "fail",
      code: 78,
      message: /ahead of the service's; signatures of such a clock/,
    },
    { minutes: 2, verdict: "warn", code: 0, message: /^this clock is 1(19|20|21) s behind the service's$/ },
  ])("a clock that is off by $minutes minutes: $verdict", async ({ minutes, verdict, code, message }) => {
    await using service = await startFakeService({ skewMs: minutes * 60_000 });
    const found = await examine([...service.args, "--ca", service.ca], service.env);
    expect(found.of("clock")).toMatchObject({ verdict, message: expect.stringMatching(message) });
    expect(found.code).toBe(code);
  });

  test("a web proxy that is down comes first", async () => {
    await using service = await startFakeService();
    const port = await freePort();
    const env = { ...service.env, HTTPS_PROXY: `http://user:hunter2@127.0.0.1:${port}` };
    const { code, of, checks, stderr } = await examine(["--region", "us-east-1", "--ca", service.ca], env);
    expect(code).toBe(69);
    expect(checks.find(({ verdict }) => verdict === "fail")).toEqual(of("web-proxy") as Finding);
    expect(of("web-proxy")?.message).toBe(`cannot reach web proxy 127.0.0.1:${port}: connection refused`);
    expect(of("dns-data-plane")?.verdict).toBe("ok");
    expect(JSON.stringify(checks) + stderr).not.toContain("hunter2");
  });

  test("a web proxy that accepts and stays silent, or refuses, is told by its own check", async () => {
    await using silent = await startTcpServer(() => {});
    await using refusing = await startTcpServer((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n")),
    );
    const through = async (port: number) => {
      const env = {
        AWS_ACCESS_KEY_ID: "a",
        AWS_SECRET_ACCESS_KEY: "b",
        HTTPS_PROXY: `http://127.0.0.1:${port}`,
      };
      const { code, of } = await examine(["--region", "us-east-1"], env);
      return [code, of("web-proxy")?.verdict, of("web-proxy")?.message];
    };
    expect(await Promise.all([through(silent.port), through(refusing.port)])).toEqual([
      [69, "fail", `the web proxy 127.0.0.1:${silent.port} does not answer: waited 8 s`],
      [
        69,
        "fail",
        `the web proxy 127.0.0.1:${refusing.port} refused to connect to api.tunneling.iot.us-east-1.amazonaws.com:443 with status 403`,
      ],
    ]);
  }, 20_000);

  test("denied actions are named: a warning for those of one tunnel, 77 for iot:ListTunnels", async () => {
    await using some = await startFakeService({ denied: ["RotateTunnelAccessToken", "CloseTunnel"] });
    const warned = await examine([...some.args, "--ca", some.ca], some.env);
    expect(warned.code).toBe(0);
    expect(warned.of("permissions")).toMatchObject({
      verdict: "warn",
      message: "denied: iot:RotateTunnelAccessToken, iot:CloseTunnel",
    });
    await using list = await startFakeService({ denied: ["ListTunnels"] });
    const denied = await examine([...list.args, "--ca", list.ca], list.env);
    expect(denied.code).toBe(77);
    expect(denied.of("control-plane")).toMatchObject({
      verdict: "fail",
      message: expect.stringContaining("iot:ListTunnels"),
    });
  });

  test("credentials: none, and refused ones: 77", async () => {
    await using service = await startFakeService({ refusesCredentials: true });
    const refused = await examine([...service.args, "--ca", service.ca], service.env);
    expect({ code: refused.code, failing: refused.failing }).toEqual({ code: 77, failing: ["credentials"] });
    const none = await examine([...service.args, "--ca", service.ca], { AWS_REGION: "us-east-1" });
    expect(none.code).toBe(77);
    expect(none.of("credentials")?.fix).toContain("AWS_PROFILE");
  });

  test("a captive portal is not taken for the data plane", async () => {
    await using service = await startFakeService({ portal: "<html>Welcome to the hotel</html>" });
    const { code, of } = await examine([...service.args, "--ca", service.ca], service.env);
    expect(code).toBe(69);
    expect(of("data-plane")?.message).toContain("does not answer like the data plane: status 200: <html>");
  });

  test("no region: 78", async () => {
    const { code, of } = await examine([]);
    expect(code).toBe(78);
    expect(of("settings")?.message).toBe("no region given");
  });

  test("a server that never says a word is given up after ten seconds", async () => {
    await using silent = await startTcpServer(() => {});
    await using service = await startFakeService();
    const address = `localhost:${silent.port}`;
    const args = ["--endpoint-url", `https://${address}`, "--proxy-endpoint", address, "--ca", service.ca];
    const startedAt = performance.now();
    const { code, of } = await examine(args, service.env);
    expect(code).toBe(69);
    expect(of("tls-data-plane")?.message).toMatch(/within 10 s|no answer in time/);
    expect(of("clock")?.verdict).not.toBe("ok");
    expect(performance.now() - startedAt).toBeLessThan(13_000);
  }, 20_000);
});

describe("the broker of an account", () => {
  const lookedUp = async (secretOfBroker: string) => {
    await using core = await startIotCore(secretOfBroker);
    const env = {
      AWS_ACCESS_KEY_ID: SECRETS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: SECRETS.secretAccessKey,
      HTTPS_PROXY: `http://127.0.0.1:${core.webProxyPort}`,
    };
    const { of } = await examine(["--region", "us-east-1", "--ca", core.ca], env);
    return of("mqtt");
  };

  test("is looked up, through the web proxy, and reached on 443 where 8883 is closed", async () => {
    expect(await lookedUp(SECRETS.secretAccessKey)).toMatchObject({
      verdict: "warn",
      message: `port 8883 of ${DATA_HOST} cannot be reached, port 443 can`,
      fix: "tunnel agent --mqtt-transport alpn",
    });
  });

  test("is not looked up by who may not: the action is named", async () => {
    expect(await lookedUp("another secret")).toMatchObject({
      verdict: "warn",
      message: expect.stringContaining("denied: iot:DescribeEndpoint"),
    });
  });

  test("that was named and does not answer fails", async () => {
    await using service = await startFakeService();
    const words = [...service.args, "--ca", service.ca, "--mqtt-endpoint", `localhost:${await freePort()}`];
    const { code, failing } = await examine(words, service.env);
    expect({ code, failing }).toEqual({ code: 69, failing: ["mqtt"] });
  });
});

describe("a bundle", () => {
  test("is listed first, is 0600, and holds the listed files alone, without secrets", async () => {
    await using service = await startFakeService();
    using dir = tempDir();
    const home = join(dir.path, "home-of-jane");
    const token = `${"T".repeat(40)}0123456789`;
    mkdirSync(join(home, "tunnel/tokens"), { recursive: true });
    writeFileSync(join(home, "tunnel/tokens/x.source.json"), JSON.stringify({ accessToken: token }));
    const secrets = [...Object.values(SECRETS), ACCOUNT, token, "hunter2", "home-of-jane", "AKIAIOSF"];
    const path = join(home, "ticket.tar.gz");
    const { code, stderr } = await examine([...service.args, "--ca", service.ca, "--bundle", path], {
      ...service.env,
      HOME: home,
      XDG_STATE_HOME: home,
      HTTPS_PROXY: "http://user:hunter2@proxy.invalid:3128",
      AWSIOT_TUNNEL_ACCESS_TOKEN: token,
      AWSIOT_TUNNEL_CLIENT_TOKEN: "c".repeat(32),
    });
    expect(code).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const files = parseTar(gunzipSync(readFileSync(path)));
    const names = ["findings.json", "program.json", "settings.json", "environment.json"];
    expect(files.map(({ name }) => name)).toEqual(names.map((name) => `tunnel-doctor/${name}`));
    for (const name of names) expect(stderr).toContain(`  ${name}, `);
    const all = files.map(({ text }) => text).join("\n");
    expect(secrets.filter((secret) => all.includes(secret))).toEqual([]);
    expect(all).toContain("arn:aws:sts::********9012:assumed-role/operator/jane");
    expect(JSON.parse(files[3]?.text ?? "")).toMatchObject({
      AWS_REGION: "us-east-1",
      AWS_SECRET_ACCESS_KEY: "(set)",
      AWSIOT_TUNNEL_ACCESS_TOKEN: "(set)",
      HTTPS_PROXY: "http://proxy.invalid:3128",
    });
  });

  test("overwrites nothing: 78", async () => {
    await using server = await serveLocal();
    using dir = tempDir();
    const path = join(dir.path, "kept");
    writeFileSync(path, "mine");
    const { code, stderr } = await runTunnel(["doctor", ...server.local, "--bundle", path]);
    expect(code).toBe(78);
    expect(stderr).toContain(`"${path}" is there already`);
    expect(readFileSync(path, "utf8")).toBe("mine");
  });
});
