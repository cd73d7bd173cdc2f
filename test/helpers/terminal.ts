// Programs on a terminal of their own.
import process from "node:process";
import { quoteForShell } from "../../src/base/shell.ts";
import { TestProcess } from "./process.ts";

/** What the keys send. */
export const CTRL_C = "\u0003";
export const CTRL_BACKSLASH = "\u001c";

/** Runs a command on a new terminal; what is sent to it is typed there, and its exit code is the command's. */
export function onTerminal(command: readonly string[], env: NodeJS.ProcessEnv): TestProcess {
  const line = command.map(quoteForShell).join(" ");
  const words = ["--quiet", "--return", "--flush", "--command", `exec ${line}`, "/dev/null"];
  const variables = { PATH: process.env["PATH"], SHELL: "/bin/sh", TERM: "dumb", NO_COLOR: "1", ...env };
  return new TestProcess("script", words, variables);
}
