import { spawn } from "node:child_process";
import process from "node:process";
import type { Env } from "../../base/env.ts";
import { codeOf, systemReason } from "../../base/system-reason.ts";
import { withoutSecrets } from "../process/child.ts";

/** The command that opens a page in the user's browser. */
export function openerOf(
  platform: NodeJS.Platform,
  url: string,
): readonly [file: string, ...words: string[]] {
  switch (platform) {
    case "darwin":
      return ["open", url];
    case "win32":
      // A word of the shell's own; what is quoted first would be a title.
      return ["cmd", "/c", "start", '""', url];
    default:
      return ["xdg-open", url];
  }
}

/**
 * Opens a page in the user's browser, which is not ended with us. `onFailure` is told once when that does not work, in
 * words; some openers run for as long as the browser does, so nobody waits for them.
 */
export function openPage(
  url: string,
  env: Env,
  onFailure: (reason: string) => void,
  platform: NodeJS.Platform = process.platform,
): void {
  const [file, ...words] = openerOf(platform, url);
  const child = spawn(file, words, {
    stdio: "ignore",
    detached: platform !== "win32",
    windowsVerbatimArguments: true, // else the empty title would be quoted once more
    env: withoutSecrets(env),
  });
  child.on("error", (cause) =>
    onFailure(codeOf(cause) === "ENOENT" ? `there is no ${file} here` : `${file}: ${systemReason(cause)}`),
  );
  child.once("exit", (code, signal) => {
    if (code !== 0) onFailure(`${file} ended with ${signal ?? `exit code ${code}`}`);
  });
  child.unref();
}

/** Where a browser finds what listens at an address of this machine. */
export function pageAt(host: string, port: number): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}/`;
}
