import { once } from "node:events";
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { untilAborted } from "../../base/abort.ts";
import { UnreachableError } from "../../base/errors.ts";
import type { TunnelStream } from "../../operator/request.ts";
import { written } from "../print/written.ts";

/**
 * Carries standard input and output over a stream until the far side has ended it. The end of the input is passed on
 * and leaves the way back open. Ends early, without a failure, when nobody reads the output any more.
 * @throws what cut the stream short, UnreachableError when it breaks, and the signal's reason
 */
export async function carryStdio(
  { socket, whyCut }: TunnelStream,
  stdin: Readable,
  stdout: Writable,
  signal: AbortSignal,
): Promise<void> {
  const stop = () => socket.destroy(signal.reason);
  let isOutputGone = false;
  const onOutputGone = () => {
    isOutputGone = true;
    socket.destroy();
  };
  signal.addEventListener("abort", stop, { once: true });
  stdout.on("error", onOutputGone);
  // Not waited for in the end: a read of the input that is under way ends on some runtimes only with the input.
  void pumpInput(stdin, socket);
  try {
    const broken = await pumpOutput(socket, stdout).then(() => undefined, brokenBy);
    signal.throwIfAborted();
    if (isOutputGone) return;
    const cut = (await untilAborted(signal, whyCut())) ?? broken;
    if (cut !== undefined) throw cut;
  } finally {
    signal.removeEventListener("abort", stop);
    stdout.removeListener("error", onOutputGone);
    socket.destroy();
    stdin.destroy();
  }
}

function brokenBy(cause: unknown): UnreachableError {
  return new UnreachableError("the connection through the tunnel broke", { cause });
}

/** Bytes of the input to the stream, then its end. */
async function pumpInput(stdin: Readable, socket: Socket): Promise<void> {
  try {
    for await (const chunk of stdin) {
      if (socket.destroyed) return;
      if (!socket.write(chunk)) await drained(socket);
    }
    socket.end();
  } catch {
    // The input was let go of, or broke: the far side sees an end either way.
    socket.end();
  }
}

async function pumpOutput(socket: Socket, stdout: Writable): Promise<void> {
  for await (const chunk of socket) {
    await written(stdout, chunk);
    if (stdout.destroyed) return;
  }
}

/** When there is room again, or never will be. */
async function drained(stream: Writable): Promise<void> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  stream.once("close", leave);
  stream.once("error", leave);
  try {
    if (!stream.destroyed && stream.writableNeedDrain) await once(stream, "drain", { signal: gone.signal });
  } catch {
    // Gone: the next write finds out.
  } finally {
    stream.removeListener("close", leave);
    stream.removeListener("error", leave);
  }
}
