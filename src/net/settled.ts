import type { Socket } from "node:net";

/** The socket once `event` came; it is destroyed when it fails or the signal ends the attempt. */
export function settled<T extends Socket>(
  socket: T,
  event: "connect" | "secureConnect",
  signal: AbortSignal,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => socket.destroy(reasonOf(signal));
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  socket.once(event, () => resolve(socket));
  socket.once("error", reject);
  socket.once("close", () => reject(new Error("closed during the handshake")));
  return promise.finally(() => signal.removeEventListener("abort", abort));
}

/** Why a signal was aborted, as an error. */
export function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error("stopped");
}
