// What carries tunnels tells how it goes: on its status socket, and on a live screen under --watch.

import process from "node:process";
import { claimSocketDirectory } from "../../operator/socket-directory.ts";
import { StatusBoard } from "../../proxy/status.ts";
import { StatusServer } from "../../proxy/status-server.ts";
import type { CommandContext } from "../words/command.ts";

/** What runs gets from withStatus. */
export interface Watched {
  readonly board: StatusBoard;
  /** Aborted with the command's, and when the person quits the screen. */
  readonly signal: AbortSignal;
  /** A screen is drawn: nothing else may be written to the terminal. */
  readonly isOnScreen: boolean;
}

/** Runs `work` with a board to report to, published for other terminals, and shown here if `isWatched`. */
export async function withStatus<T>(
  { command, isWatched }: { readonly command: string; readonly isWatched: boolean },
  context: CommandContext,
  work: (watched: Watched) => Promise<T>,
): Promise<T> {
  const board = new StatusBoard({ pid: process.pid, command }, () => Date.now());
  const server = await publish(board, context);
  try {
    return isWatched ? await workAndShow(board, command, context, work) : await work(unseen(board, context));
  } finally {
    server?.close();
  }
}

function unseen(board: StatusBoard, { signal }: CommandContext): Watched {
  return { board, signal, isOnScreen: false };
}

/** Nobody depends on being watched: a proxy without a status socket is as good. */
async function publish(board: StatusBoard, { env, log }: CommandContext): Promise<StatusServer | undefined> {
  const directory = claimSocketDirectory(env);
  if (directory === undefined) return undefined;
  try {
    return await StatusServer.listen(directory, process.pid, () => board.snapshot());
  } catch (error) {
    log.debug("cannot be watched: {reason}", { reason: error instanceof Error ? error.message : error });
    return undefined;
  }
}

async function workAndShow<T>(
  board: StatusBoard,
  title: string,
  context: CommandContext,
  work: (watched: Watched) => Promise<T>,
): Promise<T> {
  const { startScreen, terminalOf } = await import("../watch/start-screen.ts");
  const terminal = terminalOf(context);
  // Its lines on stdout and stderr tell the same, one for each change.
  if (terminal === undefined) return work(unseen(board, context));
  const quit = new AbortController();
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, quit.signal]);
  const options = { terminal, title, sources: { board }, signal: over.signal };
  const { ended } = await startScreen(options, context);
  const shown = ended.finally(() => quit.abort());
  shown.catch(() => {}); // awaited below, after the work
  try {
    return await work({ board, signal, isOnScreen: true });
  } finally {
    over.abort();
    await shown;
  }
}
