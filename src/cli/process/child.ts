import { type ChildProcess, spawn } from "node:child_process";
import { addAbortListener } from "node:events";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import process from "node:process";
import { isatty } from "node:tty";
import type { Env } from "../../base/env.ts";
import { UsageError } from "../../base/errors.ts";
import { PLATFORM, type Platform } from "../../base/platform.ts";
import { quoteForWindows, shellLine } from "../../base/shell.ts";
import { codeOf, systemReason } from "../../base/system-reason.ts";
import type { Option } from "../config/option.ts";
import { OPTIONS } from "../config/options.ts";
import { isHangupIgnored, onRepeatOf, stopNameOf } from "./stop-signal.ts";

/**
 * Runs a command on our own standard streams, without our secrets in its environment, until it ends; our stop signal is
 * handed on to it, and a further one kills it. The interrupts of a terminal are the command's alone.
 * @returns its exit code, or 128+n when signal n ended it. Throws UsageError when it cannot be started.
 */
export async function runChild(command: readonly string[], env: Env, signal: AbortSignal): Promise<number> {
  using _ = leaveInterruptsToChild();
  const { file, words, ...rest } = childOf(command, env);
  const child = spawn(file, words, { stdio: "inherit", ...rest });
  const ended = endOf(child, command);
  const forward = () => {
    // It may not heed the signal: nobody must be left behind with what it was started for.
    onRepeatOf(signal, () => child.kill("SIGKILL"));
    child.kill(stopNameOf(signal));
  };
  using _forwarding = addAbortListener(signal, forward);
  try {
    return await ended;
  } finally {
    onRepeatOf(signal, undefined);
  }
}

/** @returns a child's exit code, or 128+n when signal n ended it. Rejected with UsageError when it cannot be started. */
export function endOf(child: ChildProcess, command: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on("error", (cause) => reject(cannotRun(command, cause)));
    child.once("exit", (code, name) => resolve(code ?? 128 + (name === null ? 0 : constants.signals[name])));
  });
}

/** What is started for a command: without our secrets, and deaf to hang-ups where we are. */
export function childOf(command: readonly string[], env: Env) {
  const [file = "", ...words] = isHangupIgnored() ? [...IGNORING_HANGUP, ...command] : command;
  return { file, words, env: withoutSecrets(env) };
}

/** Variables of our options that hold a token or a password. */
const SECRET_VARIABLES: ReadonlySet<string> = new Set(
  Object.values<Option<unknown>>(OPTIONS).flatMap(({ secret, env }) => (secret ? (env ?? []) : [])),
);

/**
 * What is ours to know is not handed down; credentials of AWS and of web proxies are the user's, and stay. BUN_BE_BUN
 * would make a program of this runtime act as the runtime.
 */
export function withoutSecrets(env: Env, { isWindows }: Platform = PLATFORM): Env {
  const kept = Object.entries(env).filter(([given]) => {
    // There, a variable is found by its name in whatever case.
    const name = isWindows ? given.toUpperCase() : given;
    return !SECRET_VARIABLES.has(name) && name !== "BUN_BE_BUN";
  });
  return Object.fromEntries(kept);
}

/** The runtimes give every signal of a child back its default action, so that the child of a nohup would not be one. */
const IGNORING_HANGUP = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"];

/**
 * Signals that keys of a terminal send to every process in its foreground: Ctrl-C and Ctrl-\, on Windows Ctrl-Break.
 * Listening for one that a system does not have would throw.
 */
const INTERRUPTS = ["SIGINT", PLATFORM.isWindows ? "SIGBREAK" : "SIGQUIT"] as const;

/**
 * The command gets the terminal's interrupts by itself, and what they mean is its own affair: a calculator or a debugger
 * goes on after any number of them. Those that somebody sent to us alone go the usual way.
 */
function leaveInterruptsToChild(): Disposable {
  if (!isTerminal()) return { [Symbol.dispose]() {} };
  const restores = INTERRUPTS.map((name) => {
    const usual = process.listeners(name) as ((signal: NodeJS.Signals) => void)[];
    const judge = () => {
      if (isInForeground()) return;
      for (const listener of usual) listener(name);
    };
    // In this order: without any listener the signal would end this process.
    process.on(name, judge);
    for (const listener of usual) process.off(name, listener);
    return () => {
      for (const listener of usual) process.on(name, listener);
      process.off(name, judge);
    };
  });
  return {
    [Symbol.dispose]() {
      for (const restore of restores) restore();
    },
  };
}

function isTerminal(): boolean {
  // Not by process.stdin, which the command is to find untouched.
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

/** Whether keys of the terminal reach us and the command: a job in the background gets only what is sent to it. */
function isInForeground(): boolean {
  try {
    const text = readFileSync("/proc/self/stat", "utf8");
    // After the name, which may hold anything: state, parent, group, session, terminal, the group in its foreground.
    const [, , group, , , foreground] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return group === foreground;
  } catch {
    // Only Linux tells.
    return true;
  }
}

/** Why a command could not be started. */
function cannotRun([file = ""]: readonly string[], cause: unknown): UsageError {
  const reason = codeOf(cause) === "ENOENT" ? "not found" : systemReason(cause);
  return new UsageError(
    `cannot run "${file}": ${reason}`,
    PLATFORM.isWindows ? `where ${quoteForWindows(file)}` : shellLine`which ${file}`,
  );
}
