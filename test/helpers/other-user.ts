// Commands as a user without a home, on a machine where that can be arranged.
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { TestProcess } from "./process.ts";
import { tempDir } from "./temp-dir.ts";
import { tunnelCommand } from "./tunnel.ts";

/** No system's list of users has it. */
const UID = "4242";

/**
 * Starts the program as a user who is in no list and has no home, with nothing but `env`. Whoever may not become
 * somebody else starts it as themselves, with a home that cannot be made.
 */
export function startHomeless(args: readonly string[], env: NodeJS.ProcessEnv = {}): TestProcess {
  const [command, ...first] = tunnelCommand();
  const variables = { PATH: process.env["PATH"], ...env };
  if (process.getuid?.() !== 0) {
    return new TestProcess(command, [...first, ...args], { HOME: "/proc/none", ...variables });
  }
  // The program itself may lie where nobody else gets to.
  const dir = tempDir();
  chmodSync(dir.path, 0o755);
  const copy = join(dir.path, "tunnel");
  copyFileSync(command, copy);
  chmodSync(copy, 0o755);
  const words = ["--reuid", UID, "--regid", UID, "--clear-groups", copy, ...first, ...args];
  const child = new TestProcess("setpriv", words, variables);
  child.exited.finally(() => dir[Symbol.dispose]()).catch(() => {});
  return child;
}
