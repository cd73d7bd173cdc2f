import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import process from "node:process";

/** Tables of TCP connections; other systems than Linux have none. */
const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"] as const;

/**
 * How many bytes wait in the kernel for whoever reads from each TCP socket: in its own send buffer, and where both ends
 * are on this machine in the receive buffer of the other. A socket alone shows what is taken in steps of up to
 * megabytes. Undefined where the kernel does not tell.
 */
export async function queuedInKernel(sockets: readonly Socket[]): Promise<(number | undefined)[]> {
  if (process.platform !== "linux") return sockets.map(() => undefined);
  const tables = await Promise.all(TABLES.map((path) => readFile(path, "latin1").catch(() => "")));
  const queues = readQueues(tables.join("\n"));
  return sockets.map(({ localPort, remotePort }) => {
    const own = queues.get(`${localPort} ${remotePort}`);
    return own && own.sending + (queues.get(`${remotePort} ${localPort}`)?.receiving ?? 0);
  });
}

interface Queues {
  readonly sending: number;
  readonly receiving: number;
}

/**
 * The queues in the text of a table, by both ports: a port of ours leads to one place at a time, so that addresses
 * would add nothing. (Linux, Documentation/networking/proc_net_tcp.rst)
 */
export function readQueues(table: string): ReadonlyMap<string, Queues> {
  const row =
    /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]{8}):([0-9A-F]{8})/gm;
  const rows = [...table.matchAll(row)].map(([, ...columns]) =>
    columns.map((hex) => Number.parseInt(hex, 16)),
  );
  return new Map(
    rows.map(([local, remote, sending = 0, receiving = 0]) => [`${local} ${remote}`, { sending, receiving }]),
  );
}
