import { addAbortListener } from "node:events";
import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { LineSplitter } from "../base/line-splitter.ts";
import { PLATFORM, type Platform } from "../base/platform.ts";
import { codeOf } from "../base/system-reason.ts";
import { dialOwn } from "../net/own-socket.ts";
import type { ProcessStatus } from "../proxy/status.ts";
import { statusSockets } from "../proxy/status-directory.ts";
import { MAX_LINE_LENGTH, parseStatus } from "./status-line.ts";

/** How often is looked for new processes. */
const SCAN_MS = 1_000;
/** Processes watched at once: an agent's machine or an operator's has a few. */
const MAX_PROCESSES = 64;

export interface ProcessHandlers {
  onStatus(status: ProcessStatus): void;
  onGone(pid: number): void;
}

/** Reads what the processes of this user publish in `directories`, as they are at each look, all but `ownPid`, until the signal stops it. */
export function watchProcesses(
  directories: () => readonly string[],
  ownPid: number | undefined,
  signal: AbortSignal,
  handlers: ProcessHandlers,
  platform: Platform = PLATFORM,
): void {
  const watched = new Map<number, Watch>();
  const scan = () => {
    for (const [pid, path] of directories().flatMap((each) => [...statusSockets(each)])) {
      if (pid === ownPid || watched.has(pid) || watched.size >= MAX_PROCESSES) continue;
      const onEnd = () => {
        watched.delete(pid);
        handlers.onGone(pid);
      };
      watched.set(pid, readStatus(pid, path, handlers.onStatus, onEnd, platform));
    }
  };
  const timer = setInterval(scan, SCAN_MS);
  scan();
  addAbortListener(signal, () => {
    clearInterval(timer);
    for (const socket of watched.values()) socket.destroy();
  });
}

/** What is watched, until it is destroyed or ends. */
interface Watch {
  destroy(): void;
}

function readStatus(
  pid: number,
  path: string,
  onStatus: (status: ProcessStatus) => void,
  onEnd: () => void,
  platform: Platform,
): Watch {
  let socket: Socket | undefined;
  let isOver = false;
  const onOpen = (opened: Socket) => {
    if (isOver) return void opened.destroy();
    socket = opened;
    readLines(socket, pid, onStatus);
    socket.on("close", onEnd);
  };
  const onFailure = (error: unknown) => {
    // Its process ended without removing it.
    if (codeOf(error) === "ECONNREFUSED") rmSync(path, { force: true });
    onEnd();
  };
  dialOwn(path, platform).then(onOpen, onFailure);
  return {
    destroy() {
      isOver = true;
      socket?.destroy();
    },
  };
}

function readLines(socket: Socket, pid: number, onStatus: (status: ProcessStatus) => void): void {
  const splitter = new LineSplitter(MAX_LINE_LENGTH);
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    const lines = splitter.push(text);
    if (lines === undefined) socket.destroy();
    const status = parseStatus(lines?.at(-1) ?? "", pid);
    if (status !== undefined) onStatus(status);
  });
  socket.on("end", () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.resume();
}
