// What the connects of one machine say to each other: a JSON document a line, over the control socket.

import type { Socket } from "node:net";
import { type ErrorCode, isErrorCode } from "../base/errors.ts";
import { LineSplitter } from "../base/line-splitter.ts";
import type { SocketAddress } from "../net/tcp.ts";

/** From a process that uses the tunnel to the one that owns it. The first one says what it comes for. */
export type MemberMessage =
  | { readonly type: "use" }
  | { readonly type: "status" }
  | { readonly type: "listen"; readonly address: SocketAddress };

/** From the owner. `failed` and `ended` are its last words. */
export type OwnerMessage =
  | { readonly type: "status"; readonly tunnelId?: string | undefined }
  | { readonly type: "waiting"; readonly for: string }
  | { readonly type: "ready"; readonly pid: number; readonly tunnelId: string; readonly expiresAt: string }
  | { readonly type: "listening"; readonly address: string; readonly port?: number | undefined }
  | ({ readonly type: "refused" } & Failure)
  | ({ readonly type: "failed" } & Failure)
  | { readonly type: "ended" };

/** An error as it travels. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** No message of ours comes near it. */
const MAX_LINE = 64 * 1024;

export function send(socket: Socket, message: MemberMessage | OwnerMessage): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls `onMessage` for every line that `read` takes for a message; any other ends the connection. */
export function receive<T extends MemberMessage | OwnerMessage>(
  socket: Socket,
  read: (line: string) => T | undefined,
  onMessage: (message: T) => void,
): void {
  const splitter = new LineSplitter(MAX_LINE);
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    for (const line of splitter.push(text) ?? [""]) {
      if (socket.destroyed) return;
      const message = read(line);
      if (message === undefined) {
        // Nothing behind it is heard either: who sends such a line is no connect of this version.
        socket.destroy();
        return;
      }
      onMessage(message);
    }
  });
}

/** What a member says in a line; undefined for what is no message of this version. Never throws. */
export function readMemberMessage(line: string): MemberMessage | undefined {
  const message = parse(line);
  switch (message?.["type"]) {
    case "use":
    case "status":
      return message as MemberMessage;
    case "listen":
      return isAddress(message["address"]) ? (message as MemberMessage) : undefined;
    default:
      return undefined;
  }
}

/** What the owner says in a line; undefined for what is no message of this version. Never throws. */
export function readOwnerMessage(line: string): OwnerMessage | undefined {
  const message = parse(line);
  return message !== undefined && isOwnerMessage(message) ? (message as OwnerMessage) : undefined;
}

type Members = Readonly<Record<string, unknown>>;

function isOwnerMessage(message: Members): boolean {
  switch (message["type"]) {
    case "ended":
      return true;
    case "status":
      return isTextOrAbsent(message["tunnelId"]);
    case "waiting":
      return isText(message["for"]);
    case "ready":
      return isNumber(message["pid"]) && isText(message["tunnelId"]) && isDate(message["expiresAt"]);
    case "listening":
      return isText(message["address"]) && isPortOrAbsent(message["port"]);
    case "refused":
    case "failed":
      return isErrorCode(message["code"]) && isText(message["message"]) && isTextOrAbsent(message["hint"]);
    default:
      return false;
  }
}

function isAddress(value: unknown): value is SocketAddress {
  if (!isObject(value)) return false;
  if (value["type"] === "unix") return isText(value["path"]);
  return value["type"] === "tcp" && isTextOrAbsent(value["host"]) && isPort(value["port"]);
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535;
}

function isPortOrAbsent(value: unknown): boolean {
  return value === undefined || isPort(value);
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || isText(value);
}

function isDate(value: unknown): boolean {
  return isText(value) && !Number.isNaN(Date.parse(value));
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null;
}

function parse(line: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
