import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestProcess } from "./process.ts";
import { freePort } from "./servers.ts";
import { tempDir } from "./temp-dir.ts";

/** A real web proxy on 127.0.0.1 that wants `user` and `secret`. */
export interface WebProxy extends AsyncDisposable {
  readonly port: number;
  /** What it has logged: one line names each host it connected to. */
  readonly log: () => string;
}

export async function startWebProxy(): Promise<WebProxy> {
  const dir = tempDir();
  const port = await freePort();
  const config = join(dir.path, "tinyproxy.conf");
  writeFileSync(
    config,
    `Port ${port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nBasicAuth user secret\nLogLevel Info\n`,
  );
  const child = new TestProcess("tinyproxy", ["-d", "-c", config], process.env);
  const stop = async () => {
    await child.kill();
    dir[Symbol.dispose]();
  };
  try {
    await child.waitForLine(/Accepting connections/i);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, log: () => `${child.stdout}\n${child.stderr}`, [Symbol.asyncDispose]: stop };
}
