import { open } from "node:fs/promises";
import process from "node:process";

/** Tables of TCP connections; other systems than Linux have none. */
const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"] as const;
/** Some 50,000 connections: a larger table would cost the time of those it is to help. */
const MAX_TABLE_BYTES = 8 * 1024 * 1024;
/** How an IPv4 address begins in the table of IPv6. */
const MAPPED = "0000000000000000FFFF0000";

/** The ports of a connection, as this machine's end has them. */
interface Ports {
  readonly localPort?: number | undefined;
  readonly remotePort?: number | undefined;
}

/**
 * How many bytes wait in the kernel for whoever reads from each TCP socket: in its own send buffer, and where both ends
 * are on this machine in the receive buffer of the other. A socket alone shows what is taken in steps of up to
 * megabytes. Undefined where the kernel does not tell.
 */
export async function queuedInKernel(sockets: readonly Ports[]): Promise<(number | undefined)[]> {
  if (process.platform !== "linux") return sockets.map(() => undefined);
  const tables = await Promise.all(TABLES.map((path) => readTable(path)));
  return tables.includes(undefined) ? sockets.map(() => undefined) : queuedIn(tables.join("\n"), sockets);
}

/**
 * The same in the text of the tables (Linux, Documentation/networking/proc_net_tcp.rst). Two connections of the same
 * ports, to different addresses, are not told apart: nothing is known of either.
 */
export function queuedIn(tables: string, sockets: readonly Ports[]): (number | undefined)[] {
  const wanted = new Set(sockets.flatMap(({ localPort, remotePort }) => [hex(localPort), hex(remotePort)]));
  const byEnds = new Map<string, Row>();
  const byPorts = new Map<string, Row | undefined>();
  for (const line of tables.split("\n")) {
    const row = rowOf(line, wanted);
    if (row === undefined) continue;
    byEnds.set(`${row.local} ${row.remote}`, row);
    byPorts.set(row.ports, byPorts.has(row.ports) ? undefined : row);
  }
  return sockets.map(({ localPort, remotePort }) => {
    const own = byPorts.get(`${hex(localPort)} ${hex(remotePort)}`);
    return own && own.sending + (byEnds.get(`${own.remote} ${own.local}`)?.receiving ?? 0);
  });
}

interface Row {
  readonly local: string;
  readonly remote: string;
  readonly ports: string;
  readonly sending: number;
  readonly receiving: number;
}

/** A line of a table where both of its ports are wanted: looked at without a pattern, as there may be thousands. */
function rowOf(line: string, wanted: ReadonlySet<string>): Row | undefined {
  const start = line.indexOf(": ") + 2;
  const [local = "", remote = "", , queues = ""] = line.slice(start, start + 100).split(" ", 4);
  const [localPort, remotePort] = [local.slice(-4), remote.slice(-4)];
  if (!wanted.has(localPort) || !wanted.has(remotePort)) return undefined;
  const [sending, receiving] = queues.split(":").map((digits) => Number.parseInt(digits, 16));
  if (sending === undefined || receiving === undefined) return undefined;
  const ports = `${localPort} ${remotePort}`;
  return { local: plain(local), remote: plain(remote), ports, sending, receiving };
}

/** An end as the table of IPv4 has it, if it can. */
function plain(end: string): string {
  return end.startsWith(MAPPED) ? end.slice(MAPPED.length) : end;
}

function hex(port: number | undefined): string {
  return port === undefined ? "-" : port.toString(16).toUpperCase().padStart(4, "0");
}

/** Undefined where there is none, or too much of it. */
async function readTable(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return "";
  try {
    const chunks: Buffer[] = [];
    for (let bytes = 0; bytes <= MAX_TABLE_BYTES; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(256 * 1024));
      if (bytesRead === 0) return Buffer.concat(chunks).toString("latin1");
      chunks.push(buffer.subarray(0, bytesRead));
      bytes += bytesRead;
    }
    return undefined;
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}
