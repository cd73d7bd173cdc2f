// What the connects of one machine say to each other: a JSON document a line, over the control socket.

import type { Socket } from "node:net";
import type { ErrorCode } from "../../base/errors.ts";
import type { SocketAddress } from "../../net/tcp.ts";

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

/** Calls `onMessage` for every line; what is no message of this version ends the connection. */
export function receive<T extends MemberMessage | OwnerMessage>(
  socket: Socket,
  onMessage: (message: T) => void,
): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text) => {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE) socket.destroy();
    for (const line of lines) {
      if (socket.destroyed) return;
      const message = parse<T>(line);
      if (message === undefined) socket.destroy();
      else onMessage(message);
    }
  });
}

/** Both ends are this program, run by the same user: a known shape is all that is asked of a message. */
function parse<T>(line: string): T | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "type" in value ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}
