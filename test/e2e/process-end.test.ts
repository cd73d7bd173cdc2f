// How the process ends: within two seconds of its answer whatever is left open, with the right code, with all of its
// output, and at the first signal.
import { describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestProcess } from "../helpers/process.ts";
import { type ServeLocal, serveLocal } from "../helpers/serve-local.ts";
import { startHttpServer, startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startLeakyTunnel, startTunnel, tunnelCommand } from "../helpers/tunnel.ts";
import { waitFor, within } from "../helpers/wait.ts";

const CREDENTIALS = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_REGION: "us-east-1" };
/** Two seconds by contract, and three for a busy machine: what is held by a leak never ends. */
const LIMIT_MS = 2_000 + 3_000;
const ID = randomUUID();

/** Time from the last line that it says to its end. */
async function endOf(child: TestProcess) {
  let said = "";
  let saidAt = performance.now();
  const look = setInterval(() => {
    const now = child.stdout + child.stderr;
    if (now === said) return;
    said = now;
    saidAt = performance.now();
  }, 20);
  try {
    const exit = await within("the end of the process", child.exited, 20_000);
    return { ...exit, silentMs: performance.now() - saidAt };
  } finally {
    clearInterval(look);
  }
}

describe("with handles that nobody closes, a command ends soon after its answer, with its own code", () => {
  async function check(runtime: "bun" | "deno", args: readonly string[], code: number, env = {}) {
    await using child = startLeakyTunnel(runtime, args, env);
    child.send();
    const end = await endOf(child);
    expect({ code: end.code, signal: end.signal, args }).toEqual({ code, signal: null, args });
    expect(end.silentMs).toBeLessThan(LIMIT_MS);
    return child;
  }

  test.each(["bun", "deno"] as const)(
    "%s",
    async (runtime) => {
      await Promise.all([
        check(runtime, ["--version"], 0),
        check(runtime, ["config", "--json"], 0),
        check(runtime, ["list", "--bad"], 64),
        check(runtime, ["localproxy", "--help"], 0),
        check(runtime, ["localproxy", "-s", "x"], 1),
      ]);
    },
    60_000,
  );

  test("every command that asks the service", async () => {
    await using server = await serveLocal();
    const { tunnelId, env } = await openTunnel(server);
    const local = (code: number, ...words: string[]) => check("bun", [...words, ...server.local], code, env);
    await Promise.all([
      local(0, "list"),
      local(0, "list", "--stale"),
      local(0, "describe", tunnelId),
      local(66, "describe", ID),
    ]);
    await Promise.all([
      local(0, "tag", tunnelId, "a=b"),
      local(0, "rotate", tunnelId, "--mode", "destination"),
      local(78, "proxy", "source", "-p", "VNC=0", "--tunnel", tunnelId),
      local(0, "close", "--stale"),
    ]);
    await Promise.all([
      local(0, "open", "--service", "SSH"),
      local(0, "close", tunnelId),
      local(0, "doctor"),
      check("bun", ["serve-local", "--listen", "127.0.0.1:0", "--no-mqtt", "--ephemeral", "--", "false"], 1),
    ]);
  }, 60_000);

  async function listLong(port: number) {
    const args = ["list", "--json", "--max", "2000", "--endpoint-url", `http://127.0.0.1:${port}`];
    const child = startLeakyTunnel("bun", args, CREDENTIALS);
    child.hold();
    return child;
  }

  test("an answer that waits in the pipe is not cut", async () => {
    await using api = await startLongList();
    await using child = await listLong(api.port);
    await waitFor("the question", () => api.accepted > 0);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    child.release();
    expect((await endOf(child)).code).toBe(0);
    expect(JSON.parse(child.stdout).tunnelSummaries).toHaveLength(2_000);
  }, 15_000);

  test("nor one of the program as people run it, to a reader that is longer late than the process waits for handles", async () => {
    await using api = await startLongList();
    const words = [...tunnelCommand(), "list", "--json", "--max", "2000"];
    const script =
      '"$@" < /dev/null | { read -r -N 1 first; echo started; read go <&3; { printf %s "$first"; cat; } | wc -c; }';
    await using late = new TestProcess(
      "bash",
      ["-c", `exec 3<&0; ${script}`, "bash", ...words, "--endpoint-url", `http://127.0.0.1:${api.port}`],
      { ...CREDENTIALS, PATH: process.env["PATH"] },
    );
    await late.waitForLine(/started/);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    late.send("go\n");
    expect((await late.exited).code).toBe(0);
    expect(Number(late.lines.stdout.at(-1))).toBeGreaterThan(2_000 * 100);
  }, 15_000);

  test("but the first signal ends what waits for a reader", async () => {
    await using api = await startLongList();
    await using child = await listLong(api.port);
    await waitFor("the question", () => api.accepted > 0);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    child.signal("SIGINT");
    await waitFor("its end", () => hasEnded(child.pid), LIMIT_MS);
  }, 15_000);

  test("a proxy that is stopped: 0", async () => {
    await using server = await serveLocal();
    const { env } = await openTunnel(server);
    await using source = startLeakyTunnel("bun", ["proxy", "source", "-p", "0", ...server.local], env);
    await source.waitForLine(/listening/);
    source.signal("SIGTERM");
    const startedAt = performance.now();
    expect(await source.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS);
  }, 15_000);

  test("a serve-local that is stopped: 0", async () => {
    const args = ["serve-local", "--listen", "127.0.0.1:0", "--no-mqtt", "--ephemeral"];
    await using server = startLeakyTunnel("bun", args);
    await server.waitForLine(/https:/);
    server.signal("SIGTERM");
    const { code, silentMs } = await endOf(server);
    expect(code).toBe(0);
    expect(silentMs).toBeLessThan(LIMIT_MS);
  }, 15_000);

  test("a failure that nobody caught: 70", async () => {
    await using server = await serveLocal();
    const { env } = await openTunnel(server);
    const args = ["proxy", "source", "-p", "0", ...server.local];
    await using source = startLeakyTunnel("bun", args, { ...env, TUNNEL_TEST_THROW: "1" });
    await source.waitForLine(/listening/);
    source.send();
    expect(await source.exited).toEqual({ code: 70, signal: null });
    expect(source.stderr).toContain("planted");
  }, 15_000);

  test("a signal after the answer is not lost, and changes nothing about it", async () => {
    await using child = startLeakyTunnel("bun", ["config"]);
    await child.waitForLine(/./);
    // The work is done a moment after its last line.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const startedAt = performance.now();
    child.signal("SIGINT");
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS);
  }, 15_000);
});

describe("the first signal ends what waits for a service that accepts and never answers", () => {
  const control = [
    ["list"],
    ["list", "--stale"],
    ["list", "--watch"],
    ["describe", ID],
    ["describe", ID, "--watch"],
    ["close", ID],
    ["close", "--stale"],
    ["tag", ID],
    ["tag", ID, "a=b"],
    ["rotate", ID, "--mode", "source"],
    ["open", "--service", "SSH"],
    ["connect", "--thing", "x", "--service", "SSH"],
    ["connect", "--thing", "x", "--service", "SSH", "--stdio"],
    ["doctor"],
  ];
  test.each(control.map((words) => [words.join(" "), words] as const))("%s: 130", async (_title, words) => {
    await using silent = await startTcpServer(() => {});
    const address = `localhost:${silent.port}`;
    const [name = "", ...rest] = words;
    const args = [name, "--endpoint-url", `https://${address}`, ...rest];
    await check(args, silent, 130, { AWSIOT_TUNNEL_ENDPOINT: address });
  });

  test.each([
    ["proxy source", ["proxy", "source", "-p", "0"]],
    ["proxy destination", ["proxy", "destination", "-d", "22"]],
    ["localproxy", ["localproxy", "-s", "2222"]],
  ])("%s: 0", async (_title, args) => {
    await using silent = await startTcpServer(() => {});
    const address = `localhost:${silent.port}`;
    await check(args, silent, 0, { AWSIOT_TUNNEL_ENDPOINT: address, AWSIOT_TUNNEL_ACCESS_TOKEN: "x" });
  });

  test("agent: 0", async () => {
    await using silent = await startTcpServer(() => {});
    const broker = ["--mqtt-endpoint", `localhost:${silent.port}`, "--mqtt-transport", "websocket"];
    await check(["agent", "--thing", "x", "--map", "SSH=22", ...broker], silent, 0);
  });

  test.each([
    [["list"]],
    [["open", "--service", "SSH"]],
    [["connect", "--thing", "x", "--service", "SSH"]],
    [["doctor"]],
    [["agent", "--thing", "x", "--map", "SSH=22", "--mqtt-endpoint", "localhost:1"]],
    [["agent", "--thing", "x", "--map", "SSH=22"]],
  ])("%p, whose credentials never come", async (args) => {
    using dir = tempDir();
    const config = join(dir.path, "config");
    const mark = join(dir.path, "asked");
    writeFileSync(config, `[default]\ncredential_process = sh -c 'echo > ${mark}; exec sleep 30'\n`);
    const env = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: config, AWS_REGION: "us-east-1" };
    await using child = startTunnel(args, env);
    await waitFor("the question for credentials", () => existsSync(mark));
    const startedAt = performance.now();
    child.signal("SIGINT");
    await waitFor("its end", () => hasEnded(child.pid));
    expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS);
  });

  async function check(
    args: readonly string[],
    silent: { readonly accepted: number },
    code: number,
    env: NodeJS.ProcessEnv = {},
  ) {
    await using child = startTunnel(args, { ...CREDENTIALS, AWS_EC2_METADATA_DISABLED: "true", ...env });
    await waitFor(`a connection of ${args.join(" ")}`, () => silent.accepted > 0);
    const startedAt = performance.now();
    child.signal("SIGINT");
    expect(await within("its end", child.exited)).toEqual({ code, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS);
  }
});

/** A control plane whose list does not fit into a pipe. */
function startLongList() {
  const tunnelSummaries = Array.from({ length: 2_000 }, (_, index) => ({
    tunnelId: `${index}`.padStart(36, "0"),
    description: "x".repeat(100),
  }));
  return startHttpServer((_, response) => {
    response.setHeader("content-type", "application/x-amz-json-1.1");
    response.end(JSON.stringify({ tunnelSummaries }));
  });
}

/** Gone, or dead and not waited for yet. */
function hasEnded(pid: number): boolean {
  try {
    return /^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return true;
  }
}

async function openTunnel(server: ServeLocal) {
  const env = { XDG_STATE_HOME: server.stateDir };
  const { stdout } = await runTunnel(["open", "--service", "SSH", "--json", ...server.local], env);
  return { tunnelId: JSON.parse(stdout).tunnelId as string, env };
}
