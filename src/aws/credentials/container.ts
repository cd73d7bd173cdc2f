// Credentials of the container that this runs in, from the address that its variables name.

import { readFileSync } from "node:fs";
import { UnreachableError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { isLoopback } from "../../base/host-names.ts";
import { jsonObject } from "../../base/json-object.ts";
import { systemReason } from "../../base/system-reason.ts";
import { type Carrier, type PlainAnswer, send } from "../http.ts";
import type { Env } from "../shared-files.ts";
import { askAgain } from "./ask-again.ts";
import { type Keys, keysOf, unusable } from "./keys.ts";

const RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/** Where a relative address leads. */
const HOST = "169.254.170.2";
/** Hosts of the container service: keys go over HTTP to them and to this machine alone. */
const NEAR = [HOST, "169.254.170.23", "[fd00:ec2::23]"];

/** As the AWS CLI waits. */
const LIMITS = { timeoutMs: 2_000, maxBytes: 64 * 1024 };
const MAX_TRIES = 3;
const WAIT_MS = 1_000;

/** Absent outside containers that have a role. @throws CredentialsError when the variables lead to none */
export async function containerKeys(env: Env, carrier: Carrier): Promise<Keys | undefined> {
  const relative = env[RELATIVE];
  const full = env[FULL];
  if (relative === undefined && full === undefined) return undefined;
  const name = relative ? RELATIVE : FULL;
  const url = addressOf(relative ? `http://${HOST}${relative}` : (full ?? ""), name);
  const { status, body } = await ask(url, authorization(env), carrier, name);
  const answer = jsonObject(body);
  if (status !== 200) {
    const said = answer?.["message"] ?? answer?.["Message"];
    throw none(name, `status ${status}${typeof said === "string" ? `: ${said}` : ""}`);
  }
  const keys = answer && keysOf(answer, "Token");
  if (keys === undefined) throw none(name, "its answer has no AccessKeyId or no SecretAccessKey");
  return keys;
}

function addressOf(text: string, name: string): URL {
  if (!URL.canParse(text)) throw none(name, "the address is no URL");
  const url = new URL(text);
  const isNear = isLoopback(url.hostname) || NEAR.includes(url.hostname);
  if (url.protocol === "https:" || (url.protocol === "http:" && isNear)) return url;
  throw none(name, `over HTTP only this machine and its container service are asked, not "${url.host}"`);
}

/** What the container service knows its container by; the file comes first, since it is renewed. */
function authorization(env: Env): Readonly<Record<string, string>> {
  const path = env[TOKEN_FILE];
  const token = path ? readToken(path) : env[TOKEN];
  if (!token) return {};
  if (!/^[ -~]+$/.test(token)) {
    throw none(path ? TOKEN_FILE : TOKEN, "the token has a line break, or another character that none has");
  }
  return { authorization: token };
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw none(TOKEN_FILE, `cannot read "${path}": ${systemReason(cause)}`, cause);
  }
}

/** Asks until there is an answer; a service that has just started may need a moment. */
async function ask(
  url: URL,
  headers: Readonly<Record<string, string>>,
  carrier: Carrier,
  name: string,
): Promise<PlainAnswer> {
  const patience = { maxTries: MAX_TRIES, waitMs: WAIT_MS, signal: carrier.signal };
  try {
    return await askAgain(() => send(url, { method: "GET", headers }, carrier, LIMITS), patience);
  } catch (cause) {
    throw cause instanceof UnreachableError ? none(name, cause.message, cause) : cause;
  }
}

function none(name: string, why: string, cause?: unknown) {
  return unusable(`the container gives none (${name}): ${escapeControl(why, 200)}`, { cause });
}
