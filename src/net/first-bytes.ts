import type { Socket } from "node:net";

/**
 * The first bytes of a socket, which is paused afterwards; what came behind them is put back. The promise is rejected
 * with the socket's error, or one whose code is ECONNRESET or ETIMEDOUT, and the socket destroyed, where they do not
 * come in time.
 */
export function firstBytes(socket: Socket, length: number, timeoutMs: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  let bytes = Buffer.alloc(0);
  const listeners = {
    data(chunk: Buffer) {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < length) return;
      leave();
      socket.pause();
      if (bytes.length > length) socket.unshift(bytes.subarray(length));
      resolve(bytes.subarray(0, length));
    },
    end: () => fail(failure("ECONNRESET", "it was closed before it said anything")),
    error: (error: Error) => fail(error),
    close: () => fail(failure("ECONNRESET", "it was closed before it said anything")),
  };
  const timer = setTimeout(
    () => fail(failure("ETIMEDOUT", `nothing came in ${timeoutMs / 1_000} s`)),
    timeoutMs,
  );
  timer.unref();
  const leave = () => {
    clearTimeout(timer);
    for (const [name, listener] of Object.entries(listeners)) socket.off(name, listener);
  };
  const fail = (error: Error) => {
    leave();
    // What breaks while it is closed is of no interest any more.
    socket.on("error", () => {});
    socket.destroy();
    reject(error);
  };
  for (const [name, listener] of Object.entries(listeners)) socket.on(name, listener);
  socket.resume();
  return promise;
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
