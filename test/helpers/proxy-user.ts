import { readdirSync } from "node:fs";
import { join } from "node:path";
import { serveLocal } from "./serve-local.ts";
import { tempDir } from "./temp-dir.ts";
import { runTunnel, startTunnel } from "./tunnel.ts";

/** A serve-local, and a user with a state directory of their own who opens tunnels on it and runs proxies. */
export async function makeProxyUser() {
  const dir = tempDir();
  const server = await serveLocal();
  const env: NodeJS.ProcessEnv = { XDG_STATE_HOME: dir.path };
  const open = async (...args: string[]) => {
    const { stdout } = await runTunnel(["open", "--service", "SSH", "--json", ...args, ...server.local], env);
    return JSON.parse(stdout) as {
      tunnelId: string;
      sourceAccessToken: string;
      destinationAccessToken: string;
    };
  };
  const start = (args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
    startTunnel(["proxy", ...args, ...server.local], { ...env, ...more });
  return {
    dir: dir.path,
    server,
    env,
    open,
    start,
    savedTokens: () => readdirSync(join(dir.path, "tunnel/tokens")).sort(),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
}
