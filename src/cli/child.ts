import { spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";
import { UsageError } from "../base/errors.ts";
import { shellLine } from "../base/shell.ts";
import type { Env } from "./config/layers.ts";
import type { Option } from "./config/option.ts";
import { OPTIONS } from "./config/options.ts";
import { StopSignal } from "./stop-signal.ts";

/**
 * Runs a command on our own standard streams, without our secrets in its environment, until it ends; our stop signal is handed on to it, and a further
 * one kills it.
 * @returns its exit code, or 128+n when signal n ended it. Throws UsageError when it cannot be started.
 */
export async function runChild(command: readonly string[], env: Env, signal: AbortSignal): Promise<number> {
  const [file = "", ...words] = command;
  const child = spawn(file, words, { stdio: "inherit", env: withoutSecrets(env) });
  const ended = Promise.withResolvers<number>();
  child.once("error", (cause) => ended.reject(cannotRun(file, cause)));
  child.once("exit", (code, name) =>
    ended.resolve(code ?? 128 + (name === null ? 0 : constants.signals[name])),
  );
  // It may not heed the signal: nobody must be left behind with what it was started for.
  const onRepeat = (act: (() => void) | undefined) =>
    signal.reason instanceof StopSignal && signal.reason.onRepeat(act);
  const forward = () => {
    onRepeat(() => child.kill("SIGKILL"));
    handOn(signal.reason, (name) => child.kill(name));
  };
  signal.addEventListener("abort", forward, { once: true });
  if (signal.aborted) {
    forward();
  }
  try {
    return await ended.promise;
  } finally {
    signal.removeEventListener("abort", forward);
    onRepeat(undefined);
  }
}

/** Variables of our options that hold a token or a password. */
const SECRET_VARIABLES: ReadonlySet<string> = new Set(
  Object.values<Option<unknown>>(OPTIONS).flatMap(({ secret, env }) => (secret ? (env ?? []) : [])),
);

/**
 * What is ours to know is not handed down; credentials of AWS and of web proxies are the user's, and stay. BUN_BE_BUN
 * would make a program of this runtime act as the runtime.
 */
function withoutSecrets(env: Env): Env {
  const kept = Object.entries(env).filter(([name]) => !SECRET_VARIABLES.has(name) && name !== "BUN_BE_BUN");
  return Object.fromEntries(kept);
}

/** Ctrl-C at a terminal reaches the command by itself; a second SIGINT makes many programs give up their clean-up. */
function handOn(reason: unknown, kill: (signal: NodeJS.Signals) => void): void {
  const name = reason instanceof StopSignal ? reason.signal : "SIGTERM";
  const isAtTerminal = process.stdin.isTTY || process.stderr.isTTY;
  if (name !== "SIGINT" || !isAtTerminal) {
    kill(name);
  }
}

function cannotRun(file: string, cause: NodeJS.ErrnoException): UsageError {
  const reason = cause.code === "ENOENT" ? "not found" : (cause.code ?? cause.message);
  return new UsageError(`cannot run "${file}": ${reason}`, shellLine`which ${file}`);
}
