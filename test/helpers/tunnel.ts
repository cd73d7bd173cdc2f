import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Exit, TestProcess } from "./process.ts";
import { tempDir } from "./temp-dir.ts";

const ROOT = join(import.meta.dirname, "../..");
/** The program as people run it, made by scripts/build; the environment variable TUNNEL names another build of it. */
export const BINARY = process.env["TUNNEL"] ?? join(ROOT, "dist/tunnel");

/**
 * The program under test: dist/tunnel (or TUNNEL), or where TUNNEL_FROM_SOURCE is `bun` or `deno` the sources, run by that.
 */
export function tunnelCommand(): readonly [command: string, ...args: string[]] {
  const main = join(ROOT, "src/cli/main.ts");
  switch (process.env["TUNNEL_FROM_SOURCE"]) {
    case undefined:
      if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: run scripts/build`);
      return [BINARY];
    case "deno":
      return [join(ROOT, "node_modules/.bin/deno"), "run", "--allow-all", "--no-prompt", main];
    default:
      return [join(ROOT, "node_modules/.bin/bun"), main];
  }
}

/** Starts the program with nothing of this environment but PATH, and a home directory of its own unless `env` has one. */
export function startTunnel(args: readonly string[], env: NodeJS.ProcessEnv = {}): TestProcess {
  const [command, ...first] = tunnelCommand();
  const home = tempDir();
  const child = new TestProcess(command, [...first, ...args], {
    PATH: process.env["PATH"],
    HOME: home.path,
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1", // it would ask the network
    ...env,
  });
  child.exited.finally(() => home[Symbol.dispose]()).catch(() => {});
  return child;
}

/** As startTunnel, with the sources and with handles that nobody closes. */
export function startLeakyTunnel(
  runtime: "bun" | "deno",
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): TestProcess {
  const words = runtime === "deno" ? ["run", "--allow-all", "--no-prompt"] : [];
  const main = join(ROOT, "test/helpers/leaky-main.ts");
  const home = tempDir();
  const child = new TestProcess(join(ROOT, "node_modules/.bin", runtime), [...words, main, ...args], {
    PATH: process.env["PATH"],
    HOME: home.path,
    NO_COLOR: "1",
    DENO_NO_UPDATE_CHECK: "1", // it would ask the network
    ...env,
  });
  child.exited.finally(() => home[Symbol.dispose]()).catch(() => {});
  return child;
}

/** Runs the program to its end, with nothing on its input. */
export async function runTunnel(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  await using child = startTunnel(args, env);
  child.send();
  const exit = await child.exited;
  return { ...exit, stdout: child.stdout, stderr: child.stderr };
}
