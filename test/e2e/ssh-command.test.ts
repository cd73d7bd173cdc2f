// `tunnel ssh` and ssh's ProxyCommand with a real OpenSSH on both ends: shell, scp, rsync, git, port forward.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { execFile } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { createReadStream, createWriteStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { type Operator, startOperator, THING } from "../helpers/operators.ts";
import { TestProcess } from "../helpers/process.ts";
import { freePort, startHttpServer } from "../helpers/servers.ts";
import { type Sshd, startSshd } from "../helpers/sshd.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { onTerminal } from "../helpers/terminal.ts";
import { startTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

setDefaultTimeout(60_000);

const run = promisify(execFile);
const FILE_BYTES = 256 * 1024 * 1024;

const stack = new AsyncDisposableStack();
let operator: Operator;
let sshd: Sshd;
let config: string;
let env: NodeJS.ProcessEnv;
const dir = stack.use(tempDir());
const host = `${THING}.thing`;

beforeAll(async () => {
  operator = stack.use(await startOperator());
  sshd = stack.use(await startSshd());
  await operator.startDevice(sshd.port);
  const { stdout } = await operator.run("ssh-config");
  config = join(dir.path, "ssh_config");
  writeFileSync(config, `${stdout}\nHost *\n${configLines(sshd.clientOptions)}  User ${sshd.user}\n`);
  env = { ...operator.env, PATH: process.env["PATH"], HOME: dir.path, NO_COLOR: "1", SHELL: "/bin/sh" };
});

afterAll(() => stack.disposeAsync());

test("the configuration names this program, the thing as typed, and the options given", async () => {
  const { stdout } = await operator.run("ssh-config", "--wait", "5s");
  expect(stdout).toMatch(
    /^Host \*\.thing\n {2}ProxyCommand \S.* connect --stdio --service SSH .*--thing %n$/m,
  );
  expect(stdout).toContain(` --local ${operator.server.stateDir} --wait 5s `);
});

test("ssh runs a command through the ProxyCommand; nothing is left behind", async () => {
  const { stdout } = await run("ssh", ["-F", config, host, "echo through the tunnel"], { env });
  expect(stdout).toBe("through the tunnel\n");
  await waitFor("the tunnel to be closed", async () => (await operator.openTunnels()).length === 0);
});

test("on a terminal nothing is printed once ssh has given the prompt back", async () => {
  const script = 'ssh -F "$1" "$2" echo carried; echo PROMPT; read line; echo END';
  await using terminal = onTerminal(["sh", "-c", script, "sh", config, host], env);
  await terminal.waitForLine(/PROMPT/);
  await waitFor("the tunnel to be closed", async () => (await operator.openTunnels()).length === 0);
  terminal.send("\n");
  await terminal.waitForLine(/END/);
  const { stdout } = terminal;
  expect(stdout).toContain("carried");
  expect(stdout.slice(stdout.indexOf("PROMPT")).replace(/\s/g, "")).toBe("PROMPTEND");
});

test("tunnel ssh takes ssh's own options after the thing, and returns ssh's exit code", async () => {
  const words = [
    "--log-level",
    "error",
    `${sshd.user}@${THING}`,
    ...sshd.clientOptions,
    "echo short; exit 9",
  ];
  await using ssh = startTunnel(["ssh", ...operator.server.local, ...words], { ...env });
  expect(await ssh.exited).toEqual({ code: 9, signal: null });
  expect(ssh.stdout).toBe("short");
});

test("tunnel cp carries files and directories both ways, from device to device, and returns scp's exit code", async () => {
  const [from, there, back] = [join(dir.path, "cp from"), join(dir.path, "there"), join(dir.path, "back")];
  await run("mkdir", ["-p", join(from, "sub"), there, back]);
  writeFileSync(join(from, "sub/one"), "1");
  writeFileSync(join(from, "two"), "2");
  const copy = async (...words: readonly string[]) => {
    await using cp = startTunnel(["cp", ...operator.server.local, ...words, "--", ...sshd.clientOptions], {
      ...operator.env,
      PATH: process.env["PATH"],
    });
    const { code } = await cp.exited;
    return [code, cp.stderr];
  };
  const device = `${sshd.user}@${THING}`;
  expect(await copy("-r", from, join(from, "two"), `${device}:${there}`)).toMatchObject([
    0,
    expect.any(String),
  ]);
  expect(await copy(`${device}:${there}/cp from/sub/one`, back)).toMatchObject([0, expect.any(String)]);
  expect(await copy(`${device}:${there}/two`, `${device}:${back}/third`)).toMatchObject([
    0,
    expect.any(String),
  ]);
  const { stdout } = await run("sh", ["-c", 'cat "$1"/one "$1"/third', "sh", back]);
  expect(stdout).toBe("12");
  const [code, stderr] = await copy(`${device}:${there}/absent`, back);
  expect([code, stderr]).toEqual([1, expect.stringContaining("No such file")]);
  await waitFor("the tunnel to be closed", async () => (await operator.openTunnels()).length === 0);
});

test("an interactive shell on a terminal", async () => {
  const script = `
    set timeout 20
    spawn ssh -tt -F ${config} ${host} "PS1='ready> ' exec sh -i"
    expect "ready> "
    send "stty size; echo typed \\$((6 * 7))\\r"
    expect "typed 42"
    send "exit 3\\r"
    expect eof
    catch wait result
    exit [lindex $result 3]
  `;
  await using shell = new TestProcess("expect", ["-c", script], env);
  expect(await shell.exited).toEqual({ code: 3, signal: null });
});

test("scp carries 256 MiB there and back unchanged", async () => {
  const [original, there, back] = [join(dir.path, "a"), join(dir.path, "b"), join(dir.path, "c")];
  await writeRandomFile(original);
  const options = ["-F", config];
  await run("scp", [...options, original, `${host}:${there}`], { env });
  await run("scp", [...options, `${host}:${there}`, back], { env });
  const expected = await sha256(original);
  expect([await sha256(there), await sha256(back)]).toEqual([expected, expected]);
}, 180_000);

test("rsync, and git over ssh", async () => {
  const [from, to] = [join(dir.path, "from"), join(dir.path, "to")];
  await run("sh", ["-c", `mkdir -p ${from} && seq 1000 > ${from}/one && seq 2000 > ${from}/two`]);
  await run("rsync", ["-a", "-e", `ssh -F ${config}`, `${from}/`, `${host}:${to}/`], { env });
  await run("diff", ["-r", from, to]);
  const [bare, work] = [join(dir.path, "r.git"), join(dir.path, "w")];
  const gitEnv = { ...env, GIT_SSH_COMMAND: `ssh -F ${config}`, GIT_CONFIG_GLOBAL: "/dev/null" };
  const git = (...args: string[]) =>
    run("git", ["-c", "user.name=T", "-c", "user.email=t@localhost", ...args], { env: gitEnv });
  await git("init", "-q", "--bare", bare);
  await git("clone", "-q", `ssh://${host}${bare}`, work);
  await git("-C", work, "commit", "-q", "--allow-empty", "-m", "first");
  await git("-C", work, "push", "-q", "origin", "HEAD:main");
  const { stdout } = await git("-C", bare, "log", "--format=%s", "main");
  expect(stdout).toBe("first\n");
});

test("a port forward, and a second ssh that outlives the first, on one tunnel", async () => {
  await using web = await startHttpServer((_request, response) => void response.end("page"));
  const port = await freePort();
  const forward = [
    "-L",
    `${port}:127.0.0.1:${web.port}`,
    "-o",
    "ExitOnForwardFailure=yes",
    "-o",
    "LogLevel=INFO",
  ];
  await using first = new TestProcess("ssh", ["-F", config, ...forward, host, "echo up; cat"], env);
  await first.waitForLine(/^up$/);
  const page = await fetch(`http://127.0.0.1:${port}/`);
  expect(await page.text()).toBe("page");
  await using second = new TestProcess("ssh", ["-F", config, host, "echo up; cat"], env);
  await second.waitForLine(/^up$/);
  expect(await operator.openTunnels()).toHaveLength(1);
  first.send();
  // Its ProxyCommand goes on for the second one, and does not hold the streams of the first.
  expect((await first.exited).code).toBe(0);
  second.send("still there\n");
  await second.waitForLine(/^still there$/);
  second.send();
  expect((await second.exited).code).toBe(0);
  await waitFor("the tunnel to be closed", async () => (await operator.openTunnels()).length === 0);
});

function configLines(options: readonly string[]): string {
  const settings = options.filter((option) => option.includes("=") && !option.includes("LogLevel"));
  return settings.map((setting) => `  ${setting.replace("=", " ")}\n`).join("");
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

async function writeRandomFile(path: string): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024);
  await pipeline(async function* () {
    for (let written = 0; written < FILE_BYTES; written += chunk.length) {
      yield Buffer.from(randomFillSync(chunk));
    }
  }, createWriteStream(path));
}
