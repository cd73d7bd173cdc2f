// Runs a compiled program where this machine can: as it is, or by an emulator of its processor or system.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { hostTarget, type Target } from "./targets.ts";

/** An emulator's start-up included. */
const TIME_LIMIT_MS = 120_000;
/** A processor of 2008, without AVX. */
const OLD_PROCESSOR = "Nehalem";
/** Where Debian's packages for cross-compiling have arm64's C library. */
const ARM64_ROOT = "/usr/aarch64-linux-gnu";

/** How musl's loader and Wine tell that a library is not there. */
const MISSING_LIBRARY =
  /Error loading shared library ([^:]+): No such file|Library ([\w.-]+) \(which is needed by .*\) not found/;

/** How a program is run, or why it is not. */
interface Way {
  readonly words: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** As the report says it. */
  readonly name: string;
}

/** What a report says about a target: that it ran, or why not. A program that runs and fails throws. */
export interface Trial {
  readonly ran: boolean;
  readonly how: string;
}

/** Runs the program of a target: its version, and the whole emulator with its certificates, once up and down. */
export function tryProgram(file: string, target: Target): Trial {
  const way = wayFor(target);
  if (typeof way === "string") return { ran: false, how: way };
  const home = mkdtempSync(join(tmpdir(), "tunnel-trial-"));
  try {
    const version = run(way, file, ["--version"], home);
    const missing = MISSING_LIBRARY.exec(version.stderr);
    if (missing !== null) {
      return { ran: false, how: `no ${missing[1] ?? missing[2]} for ${way.name}; its headers are checked` };
    }
    if (version.stdout.trim() !== packageJson.version) {
      throw new Error(
        `${file} --version (${way.name}): exit ${version.status}, "${version.stdout}${version.stderr}"`,
      );
    }
    const ports = ["--listen", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"];
    const served = run(way, file, ["serve-local", "--ephemeral", ...ports, "--", "true"], home);
    if (target.kind === "ELF" && served.status !== 0) {
      throw new Error(`${file} serve-local (${way.name}): exit ${served.status}, ${served.stderr}`);
    }
    return { ran: true, how: way.name };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function run({ words, env = {} }: Way, file: string, args: readonly string[], home: string) {
  const [command = file, ...rest] = [...words, file, ...args];
  const { status, stdout, stderr, error } = spawnSync(command, rest, {
    encoding: "utf8",
    timeout: TIME_LIMIT_MS,
    env: { PATH: process.env["PATH"], HOME: home, ...env },
  });
  if (error !== undefined) throw new Error(`${command}: ${error.message}`);
  return { status, stdout, stderr };
}

function wayFor(target: Target): Way | string {
  if (target.name === hostTarget().name) return { words: [], name: "this machine" };
  if (process.platform !== "linux") return `a system of its own is needed, this is ${process.platform}`;
  switch (target.kind) {
    case "Mach-O":
      return `needs a Mac; its headers${target.machine === "arm64" ? " and its signature" : ""} are checked`;
    case "PE":
      return windowsWay();
    case "ELF":
      return linuxWay(target);
  }
}

function windowsWay(): Way | string {
  const wine = ["wine64", "wine"].find((name) => Bun.which(name) !== null);
  if (wine === undefined) return "no wine here; its headers are checked";
  return { words: [wine], env: { WINEDEBUG: "err+module,-winediag" }, name: "wine" };
}

function linuxWay({ name, machine, interpreter = "" }: Target): Way | string {
  const isBaseline = name.endsWith("-baseline");
  if (machine === process.arch && !isBaseline) {
    return existsSync(interpreter)
      ? { words: [], name: "this machine" }
      : `no ${interpreter} here; its headers are checked`;
  }
  const processor = machine === "x64" ? "x86_64" : "aarch64";
  const emulator = [`qemu-${processor}`, `qemu-${processor}-static`].find((each) => Bun.which(each) !== null);
  if (emulator === undefined) return `no qemu-${processor} here; its headers are checked`;
  const root = machine === process.arch ? "/" : ARM64_ROOT;
  if (!existsSync(join(root, interpreter))) {
    return `no ${join(root, interpreter)} here; its headers are checked`;
  }
  const cpu = isBaseline ? ["-cpu", OLD_PROCESSOR] : [];
  return { words: [emulator, ...cpu, "-L", root], name: [emulator, ...cpu].join(" ") };
}
