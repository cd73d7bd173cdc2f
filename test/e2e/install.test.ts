import { describe, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { hostTarget } from "../../scripts/releasing/targets.ts";
import { TestProcess } from "../helpers/process.ts";
import { fillRelease, RELEASED, serveRelease } from "../helpers/release.ts";
import { tempDir } from "../helpers/temp-dir.ts";

const SCRIPT = join(import.meta.dirname, "../../scripts/install.sh");

/** Runs install.sh in a home of its own, which may hold one directory that was there before. */
async function install(home: string, env: NodeJS.ProcessEnv) {
  // A processor without AVX2 takes another name for the same file.
  const settings = { TUNNEL_TARGET: hostTarget().name, ...env };
  await using child = new TestProcess("sh", [SCRIPT], { PATH: process.env["PATH"], HOME: home, ...settings });
  const { code } = await child.exited;
  return { code, said: child.stderr };
}

function versionOf(program: string): string {
  return Bun.spawnSync([program, "--version"]).stdout.toString().trim();
}

/** A release and an empty home. */
function places() {
  const dir = tempDir();
  const release = join(dir.path, "a release");
  const home = join(dir.path, "my home");
  mkdirSync(release);
  mkdirSync(home);
  return { release, home, [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

describe("install.sh", () => {
  test("installs from a directory, for this user alone, and again over it", async () => {
    using at = places();
    fillRelease(at.release);
    for (const _ of [1, 2]) {
      const { code, said } = await install(at.home, { TUNNEL_RELEASES: at.release });
      expect(said).toContain(`tunnel ${packageJson.version} is in ${at.home}/.local/bin`);
      expect(code).toBe(0);
    }
    expect(readdirSync(join(at.home, ".local/bin"))).toEqual(["tunnel"]);
    expect(versionOf(join(at.home, ".local/bin/tunnel"))).toBe(packageJson.version);
  });

  test("installs over HTTP into PREFIX", async () => {
    using at = places();
    fillRelease(at.release);
    await using server = await serveRelease(at.release);
    const prefix = join(at.home, "opt");
    const { code } = await install(at.home, { TUNNEL_RELEASES: `${server.url}/`, PREFIX: prefix });
    expect(code).toBe(0);
    expect(versionOf(join(prefix, "bin/tunnel"))).toBe(packageJson.version);
  });

  test("finds this machine's own file, also when it comes through a pipe", async () => {
    using at = places();
    fillRelease(at.release);
    // For a processor without AVX2 it asks for another name of the same file.
    const sums = join(at.release, "SHA256SUMS");
    const baseline = RELEASED.replace(/(-musl)?$/, "$1-baseline");
    copyFileSync(join(at.release, RELEASED), join(at.release, baseline));
    const line = readFileSync(sums, "utf8");
    writeFileSync(sums, `${line}${line.replace(RELEASED, baseline)}`);
    const env = { PATH: process.env["PATH"], HOME: at.home, TUNNEL_RELEASES: at.release };
    await using child = new TestProcess("sh", ["-s"], env);
    child.send(readFileSync(SCRIPT));
    child.send();
    expect([(await child.exited).code, child.stderr]).toEqual([0, expect.stringContaining("is in")]);
    expect(child.stderr).toMatch(new RegExp(`^fetching ${RELEASED}(-baseline)?$`, "m"));
  });

  test("that arrives in part does nothing", async () => {
    using at = places();
    fillRelease(at.release);
    const env = { PATH: process.env["PATH"], HOME: at.home, TUNNEL_RELEASES: at.release };
    await using child = new TestProcess("sh", ["-s"], env);
    child.send(readFileSync(SCRIPT).subarray(0, -"main\n".length));
    child.send();
    await child.exited;
    expect(child.stdout + child.stderr).toBe("");
    expect(readdirSync(at.home)).toEqual([]);
  });
});

/** What is wrong with a release, or with what it is installed by. */
interface Wrong {
  readonly name: string;
  readonly sum?: string;
  readonly lacks?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly says: string;
}

describe("install.sh leaves nothing behind", () => {
  const wrong: readonly Wrong[] = [
    { name: "a wrong sum", sum: "0".repeat(64), says: "its sum differs" },
    { name: "no sums", lacks: "SHA256SUMS", says: "has no SHA256SUMS" },
    { name: "no file", lacks: RELEASED, says: `has no ${RELEASED}` },
    {
      name: "a platform that it has not",
      env: { TUNNEL_TARGET: "plan9-x64" },
      says: "no file for plan9-x64\n  it has",
    },
    { name: "no release named", env: { TUNNEL_RELEASES: "" }, says: "TUNNEL_RELEASES=" },
    {
      name: "nobody at the address",
      env: { TUNNEL_RELEASES: "http://127.0.0.1:1" },
      says: "cannot fetch http://127.0.0.1:1/SHA256SUMS",
    },
  ];
  for (const { name, sum, lacks, env, says } of wrong) {
    test(`after ${name}`, async () => {
      using at = places();
      fillRelease(at.release, sum);
      if (lacks !== undefined) rmSync(join(at.release, lacks));
      const { code, said } = await install(at.home, { TUNNEL_RELEASES: at.release, ...env });
      expect(said).toContain(says);
      expect(code).toBe(1);
      expect(readdirSync(at.home)).toEqual([]);
    });
  }

  test("after a download that breaks off, and keeps the program of before", async () => {
    using at = places();
    fillRelease(at.release);
    await using server = await serveRelease(at.release, 100_000);
    const bin = join(at.home, ".local/bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "tunnel"), "before");
    const { code, said } = await install(at.home, { TUNNEL_RELEASES: server.url });
    expect(said).toContain(`cannot fetch ${server.url}/${RELEASED}`);
    expect(code).toBe(1);
    expect(readdirSync(bin)).toEqual(["tunnel"]);
    expect(await Bun.file(join(bin, "tunnel")).text()).toBe("before");
  });

  test("after a program that does not run here", async () => {
    using at = places();
    const text = "#!/bin/sh\necho no such library >&2\nexit 127\n";
    writeFileSync(join(at.release, RELEASED), text);
    const sum = new Bun.CryptoHasher("sha256").update(text).digest("hex");
    writeFileSync(join(at.release, "SHA256SUMS"), `${sum}  ${RELEASED}\n`);
    const { code, said } = await install(at.home, { TUNNEL_RELEASES: at.release });
    expect(said).toContain("does not run here: no such library");
    expect(code).toBe(1);
    expect(readdirSync(at.home)).toEqual([]);
  });

  test("where it may not write", async () => {
    using at = places();
    fillRelease(at.release);
    const prefix = join(at.home, "file");
    writeFileSync(prefix, "");
    const { code, said } = await install(at.home, { TUNNEL_RELEASES: at.release, PREFIX: prefix });
    expect(said).toContain(`cannot write to ${prefix}/bin\n  choose another place: PREFIX=`);
    expect(code).toBe(1);
    expect(existsSync(prefix)).toBe(true);
  });

  test("when it is interrupted while it fetches", async () => {
    using at = places();
    fillRelease(at.release);
    // Sends the sums, and of the file the first bytes only, without an end.
    const asked = Promise.withResolvers<void>();
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ url }) => {
        if (url.endsWith("SHA256SUMS")) return new Response(Bun.file(join(at.release, "SHA256SUMS")));
        asked.resolve();
        return new Response(new ReadableStream({ start: (out) => out.enqueue(new Uint8Array(1_000)) }));
      },
    });
    const env = { TUNNEL_RELEASES: `http://127.0.0.1:${server.port}`, TUNNEL_TARGET: hostTarget().name };
    // Of a session of its own: a Ctrl-C reaches the script and what it runs.
    await using child = new TestProcess("setsid", ["sh", SCRIPT], {
      PATH: process.env["PATH"],
      HOME: at.home,
      ...env,
    });
    await asked.promise;
    process.kill(-child.pid, "SIGINT");
    await child.exited;
    await server.stop(true);
    expect(child.stderr).toContain("fetching");
    expect(readdirSync(at.home)).toEqual([]);
  });
});
