import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestProcess } from "./process.ts";
import { freePort } from "./servers.ts";
import { tempDir } from "./temp-dir.ts";
import { startTunnel } from "./tunnel.ts";

/** What serve-local writes to STATE_DIR/endpoint.json, as far as tests use it. */
export interface LocalEndpoint {
  readonly region: string;
  readonly controlPlane: string;
  readonly dataPlane: string;
  readonly ca: string;
  readonly mqtt?: string;
}

/** A running serve-local. */
export interface ServeLocal extends AsyncDisposable {
  readonly process: TestProcess;
  readonly stateDir: string;
  readonly endpoint: LocalEndpoint;
  /** Arguments that make any command use it. */
  readonly local: readonly string[];
}

/** Starts serve-local on free ports and waits until it is ready; without a state directory, in one that goes with it. */
export async function serveLocal(
  options: {
    readonly stateDir?: string;
    readonly args?: readonly string[];
    readonly env?: NodeJS.ProcessEnv;
  } = {},
): Promise<ServeLocal> {
  const dir = tempDir();
  const stateDir = options.stateDir ?? join(dir.path, "local");
  const { args: more = [] } = options;
  const listen = more.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  const args = ["serve-local", ...listen, "--state-dir", stateDir, "--json", ...more];
  const process = startTunnel(args, options.env);
  const stop = async () => {
    await process.kill();
    dir[Symbol.dispose]();
  };
  try {
    await process.waitForLine(/^\{/);
    return {
      process,
      stateDir,
      endpoint: readEndpoint(stateDir),
      local: ["--local", stateDir],
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A serve-local that can be killed, and started again at the same place with the same tunnels. */
export interface LastingServeLocal extends ServeLocal {
  /** With -9. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export async function lastingServeLocal(): Promise<LastingServeLocal> {
  const dir = tempDir();
  const stateDir = join(dir.path, "local");
  const ports = [await freePort(), await freePort()] as const;
  const args = ["--listen", `127.0.0.1:${ports[0]}`, "--mqtt-listen", `127.0.0.1:${ports[1]}`];
  const start = () => serveLocal({ stateDir, args });
  let server = await start();
  return {
    get process() {
      return server.process;
    },
    stateDir,
    endpoint: server.endpoint,
    local: server.local,
    async kill() {
      await server.process.kill();
    },
    async restart() {
      server = await start();
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
}

/** What the serve-local of a state directory says of itself. */
export function readEndpoint(stateDir: string): LocalEndpoint {
  return JSON.parse(readFileSync(join(stateDir, "endpoint.json"), "utf8"));
}
