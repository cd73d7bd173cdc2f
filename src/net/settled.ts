import { addAbortListener } from "node:events";
import type { Socket } from "node:net";
import { reasonOf } from "../base/abort.ts";

/** The socket once `event` came; it is destroyed when it fails or the signal ends the attempt. */
export async function settled<T extends Socket>(
  socket: T,
  event: "connect" | "secureConnect",
  signal: AbortSignal,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  using _ = addAbortListener(signal, () => socket.destroy(reasonOf(signal)));
  socket.once(event, () => resolve(socket));
  socket.once("error", reject);
  socket.once("close", () => reject(new Error("closed during the handshake")));
  return await promise;
}
