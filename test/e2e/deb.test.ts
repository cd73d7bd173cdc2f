import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildDeb, packagedUnit } from "../../scripts/releasing/deb.ts";
import { parseArgv } from "../../src/cli/words/argv.ts";
import { COMMANDS } from "../../src/cli/words/command-table.ts";
import { type TempDir, tempDir } from "../helpers/temp-dir.ts";
import { BINARY } from "../helpers/tunnel.ts";

const DATE = new Date(1_700_000_000_000);
let dir: TempDir;
let deb: string;

beforeAll(() => {
  dir = tempDir();
  deb = build("out");
});
afterAll(() => dir[Symbol.dispose]());

function build(out: string): string {
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  return buildDeb({
    program: BINARY,
    architecture,
    date: DATE,
    out: join(dir.path, out),
    compression: "none",
  });
}

function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: exit ${status}\n${stdout}${stderr}`);
  return stdout;
}

/**
 * dpkg with a root of its own into which it does not change, so that this machine keeps none of it; without root's
 * rights under fakeroot. Its scripts run with DPKG_ROOT. The packages that it needs are this machine's.
 */
function dpkg(root: string, ...args: readonly string[]): string {
  const log = join(root, "var/lib/dpkg/log");
  const force = "--force-script-chrootless,not-root,depends,bad-path";
  const words = ["dpkg", `--root=${root}`, `--log=${log}`, force, ...args];
  const [command = "", ...rest] = process.getuid?.() === 0 ? words : ["fakeroot", ...words];
  return run(command, ...rest);
}

function emptyRoot(name: string): string {
  const root = join(dir.path, name);
  for (const path of ["var/lib/dpkg/info", "var/lib/dpkg/updates", "etc"]) {
    mkdirSync(join(root, path), { recursive: true });
  }
  writeFileSync(join(root, "var/lib/dpkg/status"), "");
  return root;
}

describe("the Debian package", () => {
  test("is the same for the same program and date", () => {
    expect(readFileSync(build("again")).equals(readFileSync(deb))).toBe(true);
  });

  test("belongs to root, whoever builds it, and names its configuration", () => {
    const list = run("dpkg-deb", "--contents", deb).trim().split("\n");
    expect(list.filter((line) => !/^[-d]rw[-x]r-[-x]r-[-x] root\/root /.test(line))).toEqual([]);
    expect(list.some((line) => line.endsWith("./usr/share/man/man1/tunnel-agent.1.gz"))).toBe(true);
    expect(run("dpkg-deb", "--ctrl-tarfile", deb)).toContain(
      "/etc/tunnel/agent.env\n/etc/tunnel/agent.yaml\n",
    );
  });

  test("installs with a user of its own, keeps what was set up, and is purged without a trace", () => {
    const root = emptyRoot("root");
    dpkg(root, "--install", deb);
    expect(run(join(root, "usr/bin/tunnel"), "--version").trim()).not.toBe("");
    expect(readFileSync(join(root, "etc/passwd"), "utf8")).toMatch(
      /^tunnel:[^:]*:\d+:\d+:.*:\/var\/lib\/tunnel:/m,
    );
    expect(statSync(join(root, "etc/tunnel")).mode & 0o777).toBe(0o750);

    writeFileSync(join(root, "etc/tunnel/agent.env"), "THING=pump-7\n");
    mkdirSync(join(root, "var/lib/tunnel/pump-7"), { recursive: true });
    dpkg(root, "--install", deb);
    expect(readFileSync(join(root, "etc/tunnel/agent.env"), "utf8")).toBe("THING=pump-7\n");

    dpkg(root, "--remove", "tunnel-agent");
    expect(existsSync(join(root, "usr/bin/tunnel"))).toBe(false);
    expect(existsSync(join(root, "etc/tunnel/agent.env"))).toBe(true);
    dpkg(root, "--purge", "tunnel-agent");
    expect(existsSync(join(root, "etc/tunnel"))).toBe(false);
    expect(existsSync(join(root, "var/lib/tunnel"))).toBe(false);
    expect(dpkg(root, "--list")).not.toContain("tunnel-agent");
  });
});

describe("the unit of the package", () => {
  const unit = packagedUnit();

  test("is one that systemd accepts", () => {
    const path = join(dir.path, "tunnel-agent.service");
    // Here the program lies elsewhere.
    writeFileSync(path, unit.replace("/usr/bin/tunnel", BINARY));
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
    expect([status, stdout, stderr]).toEqual([0, "", ""]);
  });

  test("starts the agent of the thing that the environment names, and nothing without one", () => {
    const command = /^ExecStart=\/usr\/bin\/tunnel (.*)$/m.exec(unit)?.[1] ?? "";
    const request = parseArgv(command.split(" "), COMMANDS);
    expect(request.type === "command" && Object.fromEntries(request.flags)).toEqual({
      thing: [`\${THING}`],
      config: ["/etc/tunnel/agent.yaml"],
    });
    expect(unit).toContain(`ExecCondition=/bin/sh -c 'test -n "$$THING"'\n`);
    expect(unit).toContain("EnvironmentFile=/etc/tunnel/agent.env\n");
    expect(unit).toMatch(/^User=tunnel\nStateDirectory=tunnel\n/m);
  });

  test("with its configuration is understood by the program", () => {
    const config = join(import.meta.dirname, "../../scripts/debian/agent.yaml");
    const text = readFileSync(config, "utf8").replace(/^# (?=\w+(-\w+)*: )/gm, "");
    const filled = join(dir.path, "agent.yaml");
    writeFileSync(filled, text);
    const printed = run(BINARY, "agent", "--thing", "pump-7", "--config", filled, "--print-unit");
    expect(printed).toContain("--map SSH=22 --mqtt-endpoint abcdefghijklmn-ats.iot.eu-west-1.amazonaws.com");
    expect(printed).toContain("LoadCredential=key:/etc/tunnel/device.key");
  });
});
