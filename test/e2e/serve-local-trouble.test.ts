// What a machine does to serve-local: disks that are full, files that are cut, clocks that are set, processes that are
// stopped. It says what is wrong, or goes on; what it acknowledged is there.
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pause } from "../helpers/agents.ts";
import { callOperation } from "../helpers/emulator.ts";
import { startInstallation, waitUntilCarried } from "../helpers/installation.ts";
import { Ledger } from "../helpers/ledger.ts";
import { TestProcess } from "../helpers/process.ts";
import { type ServeLocal, serveLocal } from "../helpers/serve-local.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel, tunnelCommand } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";
import { Random } from "../sim/random.ts";

/** Writes to the control plane until `isEnough`. */
async function write(ledger: Ledger, isEnough: () => boolean): Promise<void> {
  const stop = new AbortController();
  const writing = ledger.write({ signal: stop.signal, everyMs: 0, most: 10_000 });
  try {
    await waitFor("enough calls", isEnough, 60_000);
  } finally {
    stop.abort();
    await writing;
  }
}

function ledgerOf(server: ServeLocal): Ledger {
  const random = new Random(1);
  return new Ledger(server, () => random.next());
}

/** No file of this process, running or to be started, may become larger: what a full disk does, without one. */
function limitFiles({ process }: ServeLocal, bytes: number | "unlimited"): void {
  execFileSync("prlimit", ["--pid", String(process.pid), `--fsize=${bytes}:`]);
}

const again = (server: ServeLocal, stateDir: string) =>
  serveLocal({
    stateDir,
    args: ["--listen", new URL(server.endpoint.controlPlane).host.replace("localhost", "127.0.0.1")],
  });

test("a full disk fails what has to be written, and nothing else; with room it goes on", async () => {
  using dir = tempDir();
  const stateDir = join(dir.path, "state");
  await using server = await serveLocal({ stateDir });
  const ledger = ledgerOf(server);
  const { counts } = ledger;
  await write(ledger, () => counts.opened >= 20);
  limitFiles(server, statSync(join(stateDir, "tunnels.db")).size + 32_768);
  await write(ledger, () => counts.unanswered >= 5);
  const { code, stderr } = await runTunnel(["open", "--service", "SSH", ...server.local]);
  expect([code, stderr]).toEqual([69, expect.stringContaining("its log tells more")]);
  expect(server.process.stderr).toContain(
    `cannot use the store "${join(stateDir, "tunnels.db")}": it cannot`,
  );
  expect((await runTunnel(["list", ...server.local])).code).toBe(0);
  await ledger.check();
  limitFiles(server, "unlimited");
  const { opened, unanswered } = counts;
  await write(ledger, () => counts.opened >= opened + 10);
  expect(counts.unanswered).toBe(unanswered);
  limitFiles(server, statSync(join(stateDir, "tunnels.db")).size);
  await write(ledger, () => counts.unanswered >= unanswered + 5);
  await server.process.kill();
  await using _second = await again(server, stateDir);
  await ledger.check();
  expect(ledger.losses).toEqual([]);
}, 120_000);

test("started on a full disk it says so, and harms nothing", async () => {
  using dir = tempDir();
  const stateDir = join(dir.path, "state");
  const words = ["serve-local", "--listen", "0", "--state-dir", stateDir];
  const startFull = async () => {
    const env = { PATH: process.env["PATH"], HOME: dir.path };
    await using server = new TestProcess("prlimit", ["--fsize=1000", ...tunnelCommand(), ...words], env);
    return { ...(await server.exited), stderr: server.stderr };
  };
  const expectRefused = async () => {
    const { code, stderr } = await startFull();
    expect([code, stderr]).toEqual([
      78,
      expect.stringContaining(`cannot open the store "${stateDir}/tunnels.db"`),
    ]);
    expect(stderr).toContain("a limit of file sizes is reached");
  };
  await expectRefused();
  const server = await serveLocal({ stateDir });
  const ledger = ledgerOf(server);
  await write(ledger, () => ledger.counts.opened >= 10);
  await server.process.kill();
  await expectRefused();
  await using _second = await again(server, stateDir);
  await ledger.check();
  expect(ledger.losses).toEqual([]);
}, 60_000);

test.each([
  ["a database that was cut is refused, with what to do", "tunnels.db", 78],
  ["a log that was cut after kill -9 costs nothing", "tunnels.db-wal", 0],
] as const)(
  "%s",
  async (_name, file, expected) => {
    using dir = tempDir();
    const stateDir = join(dir.path, "state");
    const server = await serveLocal({ stateDir });
    const ledger = ledgerOf(server);
    await write(ledger, () => ledger.counts.opened >= 20);
    await server.process.kill();
    const path = join(stateDir, file);
    truncateSync(path, statSync(path).size / 2);
    if (expected === 0) {
      await using _second = await again(server, stateDir);
      await ledger.check();
      expect(ledger.losses).toEqual([]);
      return;
    }
    const { code, stderr } = await runTunnel(["serve-local", "--listen", "0", "--state-dir", stateDir]);
    expect([code, stderr.split("\n")]).toEqual([
      expected,
      [
        `tunnel: error: cannot open the store "${path}": it is damaged: cut short or overwritten`,
        `tunnel: hint: put back a copy of it, or start without its tunnels: rm '${path}'*`,
      ],
    ]);
  },
  60_000,
);

test("a clock that is set, far and in both directions, ends no tunnel and loses no token", async () => {
  using dir = tempDir();
  const stateDir = join(dir.path, "state");
  const clock = join(dir.path, "clock");
  const set = (offset: string) => writeFileSync(clock, `${offset}\n`);
  set("+0");
  const preload = execFileSync("faketime", ["-f", "+0", "sh", "-c", "echo $LD_PRELOAD"], {
    encoding: "utf8",
  });
  const env = {
    LD_PRELOAD: preload.trim(),
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: "1",
    // Clocks that cannot be set do not change on any machine.
    DONT_FAKE_MONOTONIC: "1",
    XDG_STATE_HOME: dir.path,
  };
  await using server = await serveLocal({ stateDir, env });
  const open = ["open", "--service", "SSH", "--lifetime", "10m", "--tag", "n=1", "--json", ...server.local];
  const { tunnelId, sourceAccessToken } = JSON.parse((await runTunnel(open, env)).stdout);
  const expectOpen = async (local: readonly string[]) => {
    const { stdout, stderr } = await runTunnel(["describe", tunnelId, "--json", ...local], env);
    if (stdout === "") throw new Error(stderr);
    expect(JSON.parse(stdout).tunnel).toMatchObject({ status: "OPEN", tags: [{ key: "n", value: "1" }] });
  };
  for (const offset of ["+13h", "-13h", "+300d", "+0"]) {
    set(offset);
    await expectOpen(server.local);
  }
  set("+13h");
  await expectOpen(server.local);
  await server.process.kill();
  await using second = await serveLocal({ stateDir, env });
  await expectOpen(second.local);
  await using source = startTunnel(["proxy", "source", "-p", "SSH=0", ...second.local], {
    ...env,
    AWSIOT_TUNNEL_ACCESS_TOKEN: sourceAccessToken, // the saved one was forgotten when it seemed to have expired
  });
  await source.waitForLine(/listening/);
}, 60_000);

test("whatever is stopped for longer than links live goes on where it was", async () => {
  await using installation = await startInstallation({
    pace: { bytes: 64 * 1024 },
    proxyArgs: ["--keepalive", "1s"],
  });
  const { carried, serveLocal: service, accounts } = installation;
  const random = new Random(1);
  const ledger = new Ledger(installation, () => random.next());
  await write(ledger, () => ledger.counts.opened >= 5);
  const programs = [service, ...carried.flatMap(({ source, destination }) => [source, destination])];
  for (const { process } of programs) {
    process.signal("SIGSTOP");
    await pause(4_000); // links are given up after two and a half seconds
    process.signal("SIGCONT");
    for (const each of carried) await waitUntilCarried(installation, each);
  }
  await ledger.check();
  expect(ledger.losses).toEqual([]);
  expect(accounts.flatMap(({ fault }) => fault ?? [])).toEqual([]);
  expect(programs.flatMap(({ ownEnds }) => ownEnds)).toEqual([]);
  expect((await callOperation(installation, "ListTunnels", {})).status).toBe(200);
}, 180_000);
