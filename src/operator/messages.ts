// What the connects of one machine say to each other: a JSON document a line, over the control socket.

import type { Socket } from "node:net";
import { type ErrorCode, isErrorCode, TunnelError } from "../base/errors.ts";
import { LineSplitter } from "../base/line-splitter.ts";
import { type Is, isNumber, isText, oneOf, orAbsent, readJson, shapeOf } from "../base/shape.ts";
import type { Pong } from "../engine/output.ts";
import type { SocketAddress } from "../net/tcp.ts";
import type { TunnelEnd } from "./request.ts";

/** From a process that uses the tunnel to the one that owns it. The first one says what it comes for. */
export type MemberMessage =
  | { readonly type: "use" }
  | { readonly type: "status" }
  | { readonly type: "ping"; readonly isLoaded: boolean }
  | { readonly type: "listen"; readonly address: SocketAddress };

/**
 * From the owner. `failed` and `ended` are its last words. A member learns by `status` too what cut its last stream short,
 * if anything did.
 */
export type OwnerMessage =
  | { readonly type: "status"; readonly tunnelId?: string | undefined; readonly cut?: Failure | undefined }
  | { readonly type: "waiting"; readonly for: string }
  | { readonly type: "ready"; readonly pid: number; readonly tunnelId: string; readonly expiresAt: string }
  | { readonly type: "listening"; readonly address: string; readonly port?: number | undefined }
  | { readonly type: "pong"; readonly pong: Pong }
  | ({ readonly type: "refused" } & Failure)
  | ({ readonly type: "failed" } & Failure)
  | { readonly type: "ended" };

/** What an owner says before it goes. */
export type LastWords = Extract<OwnerMessage, { type: "failed" | "ended" }>;

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

/**
 * Calls `onMessage` for every line that `read` takes for a message. Nothing behind any other is heard: who sends such a
 * line is of another version, for which there is `onStranger`.
 */
export function receive<T extends MemberMessage | OwnerMessage>(
  socket: Socket,
  read: (line: string) => T | undefined,
  onMessage: (message: T) => void,
  onStranger: () => void,
): void {
  const splitter = new LineSplitter(MAX_LINE);
  let isStranger = false;
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    if (isStranger) return;
    for (const line of splitter.push(text) ?? [""]) {
      if (socket.destroyed) return;
      const message = read(line);
      isStranger = message === undefined;
      if (message === undefined) return onStranger();
      onMessage(message);
    }
  });
}

/** An error as the other side is told it. */
export function failureOf(error: unknown): Failure {
  if (error instanceof TunnelError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: "ERR_BUG", message: error instanceof Error ? error.message : String(error) };
}

/** What those who use a tunnel too are told of its end. */
export function lastWordsOf(end: TunnelEnd): LastWords {
  const isFailure = end.type === "taken" || end.type === "failed";
  return isFailure ? { type: "failed", ...failureOf(end.error) } : { type: "ended" };
}

type ShapesOf<M extends { readonly type: string }> = { readonly [T in M["type"]]: Is };
type Of<M extends { readonly type: string }, T extends M["type"]> = Omit<Extract<M, { type: T }>, "type">;

const isPort: Is = (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535;
const isDate: Is = (value) => isText(value) && !Number.isNaN(Date.parse(String(value)));
const isTcp = shapeOf<Extract<SocketAddress, { type: "tcp" }>>({
  type: oneOf("tcp"),
  host: orAbsent(isText),
  port: isPort,
});
const isUnix = shapeOf<Extract<SocketAddress, { type: "unix" }>>({ type: oneOf("unix"), path: isText });
const isFailure = shapeOf<Failure>({ code: isErrorCode, message: isText, hint: orAbsent(isText) });

const isPong = shapeOf<Pong>({
  serviceId: isText,
  outcome: (value) => isNumber(value) || oneOf("silent", "away", "foreign")(value),
  loadedBytes: isNumber,
});

const MEMBER: ShapesOf<MemberMessage> = {
  use: () => true,
  status: () => true,
  ping: shapeOf<Of<MemberMessage, "ping">>({ isLoaded: (value) => typeof value === "boolean" }),
  listen: shapeOf<Of<MemberMessage, "listen">>({ address: (value) => isTcp(value) || isUnix(value) }),
};

const OWNER: ShapesOf<OwnerMessage> = {
  status: shapeOf<Of<OwnerMessage, "status">>({ tunnelId: orAbsent(isText), cut: orAbsent(isFailure) }),
  waiting: shapeOf<Of<OwnerMessage, "waiting">>({ for: isText }),
  ready: shapeOf<Of<OwnerMessage, "ready">>({ pid: isNumber, tunnelId: isText, expiresAt: isDate }),
  listening: shapeOf<Of<OwnerMessage, "listening">>({ address: isText, port: orAbsent(isPort) }),
  pong: shapeOf<Of<OwnerMessage, "pong">>({ pong: isPong }),
  refused: isFailure,
  failed: isFailure,
  ended: () => true,
};

const isOneOf =
  (shapes: Readonly<Record<string, Is>>): Is =>
  (value) => {
    if (!shapeOf<{ type: string }>({ type: isText })(value)) return false;
    const { type } = value as { readonly type: string };
    return Object.hasOwn(shapes, type) && shapes[type]?.(value) === true;
  };

/** What a member says in a line; undefined for what is no message of this version. Never throws. */
export function readMemberMessage(line: string): MemberMessage | undefined {
  return readJson(line, isOneOf(MEMBER));
}

/** What the owner says in a line; undefined for what is no message of this version. Never throws. */
export function readOwnerMessage(line: string): OwnerMessage | undefined {
  return readJson(line, isOneOf(OWNER));
}
