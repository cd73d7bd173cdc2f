import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { ProcessStatus } from "../proxy/status.ts";
import { statusSockets } from "../proxy/status-directory.ts";

/** How often is looked for new processes. */
const SCAN_MS = 1_000;
/** Processes watched at once: an agent's machine or an operator's has a few. */
const MAX_PROCESSES = 64;
/** A status is smaller than this; more without a line end is no status. */
const MAX_LINE_LENGTH = 1024 * 1024;

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
): void {
  const watched = new Map<number, Socket>();
  const scan = () => {
    for (const [pid, path] of directories().flatMap((each) => [...statusSockets(each)])) {
      if (pid === ownPid || watched.has(pid) || watched.size >= MAX_PROCESSES) continue;
      const onEnd = () => {
        watched.delete(pid);
        handlers.onGone(pid);
      };
      watched.set(pid, readStatus(pid, path, handlers.onStatus, onEnd));
    }
  };
  const timer = setInterval(scan, SCAN_MS);
  scan();
  const stop = () => {
    clearInterval(timer);
    for (const socket of watched.values()) socket.destroy();
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
}

function readStatus(
  pid: number,
  path: string,
  onStatus: (status: ProcessStatus) => void,
  onEnd: () => void,
): Socket {
  const socket = connect(path);
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text) => {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE_LENGTH) socket.destroy();
    const status = parseStatus(lines.at(-1) ?? "", pid);
    if (status !== undefined) onStatus(status);
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    // Its process ended without removing it.
    if (error.code === "ECONNREFUSED") rmSync(path, { force: true });
  });
  socket.on("close", onEnd);
  return socket;
}

/** A line of a status socket; undefined for what another version of this program wrote. */
function parseStatus(line: string, pid: number): ProcessStatus | undefined {
  try {
    const status = JSON.parse(line) as ProcessStatus;
    const isKnown = status.version === 1 && status.pid === pid;
    return isKnown && Array.isArray(status.sessions) && Array.isArray(status.recent) ? status : undefined;
  } catch {
    return undefined;
  }
}
