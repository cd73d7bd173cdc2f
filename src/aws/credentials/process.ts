// Credentials that a program of the user's prints (credential_process).

import { spawn } from "node:child_process";
import { escapeControl } from "../../base/escape.ts";
import { jsonObject } from "../../base/json-object.ts";
import { PLATFORM } from "../../base/platform.ts";
import { systemReason } from "../../base/system-reason.ts";
import { shellWords, windowsWords } from "../shell-words.ts";
import { inProfile, type Keys, keysOf, unusable } from "./keys.ts";

/** Programs that open a browser or ask a card need their time; beyond it nobody waits. */
const TIMEOUT_MS = 60_000;
/** Of either stream: keys take some hundred bytes. */
const MAX_OUTPUT_BYTES = 256 * 1024;
/** Of what the program said on stderr, in the message. */
const MAX_SHOWN = 500;

/** Runs the program without a shell, as the AWS CLI does. @throws CredentialsError with what it said on stderr */
export async function processKeys(command: string, profile: string, signal?: AbortSignal): Promise<Keys> {
  const name = `credential_process of ${inProfile(profile)}`;
  const split = PLATFORM.isWindows ? windowsWords : shellWords;
  const [program, ...args] = split(command) ?? [];
  if (program === undefined) throw unusable(`${name} is no command line`);
  const { stdout, stderr, end } = await run(program, args, signal);
  if (end !== undefined) {
    const said = escapeControl(stderr.trim().replace(/\s*\n\s*/g, "; "), MAX_SHOWN);
    throw unusable(`${name} ${end}${said === "" ? "" : `: ${said}`}`, {
      hint: `run it by hand: ${escapeControl(command, 200)}`,
    });
  }
  return readKeys(stdout, name);
}

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** How it failed; absent when it ended well. */
  readonly end: string | undefined;
}

function run(program: string, args: readonly string[], signal: AbortSignal | undefined): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  // Its input is not ours: under `connect --stdio` that belongs to ssh.
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const kill = () => void child.kill("SIGKILL");
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, TIMEOUT_MS);
  signal?.addEventListener("abort", kill, { once: true });
  if (signal?.aborted) kill();
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const settle = (end: string | undefined) => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
    resolve({ stdout: stdout(), stderr: stderr(), end });
  };
  child.once("error", (error) => settle(`did not start: ${systemReason(error)}`));
  child.once("close", (code, killedBy) => {
    if (isLate) settle(`did not end within ${TIMEOUT_MS / 1_000} s`);
    else if (killedBy !== null) settle(`was ended by ${killedBy}`);
    else settle(code === 0 ? undefined : `failed with exit code ${code}`);
  });
  return promise;
}

/** Reads a stream to its end and keeps its beginning. */
function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    if (size < MAX_OUTPUT_BYTES) chunks.push(chunk);
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

function readKeys(stdout: string, name: string): Keys {
  const value = jsonObject(stdout);
  if (value === undefined) throw unusable(`${name} printed no JSON object`);
  if (value["Version"] !== 1) throw unusable(`${name} printed another version than 1`);
  const keys = keysOf(value);
  if (keys === undefined) throw unusable(`${name} printed no AccessKeyId or no SecretAccessKey`);
  if (keys.expiration !== undefined && keys.expiration.getTime() <= Date.now()) {
    throw unusable(`${name} printed credentials that have expired`);
  }
  return keys;
}
