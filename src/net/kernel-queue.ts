import { open } from "node:fs/promises";
import process from "node:process";

/** Tables of TCP connections; other systems than Linux have none. */
const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"] as const;
/** Some 50,000 connections: a larger table would cost the time of those it is to help. */
const MAX_TABLE_BYTES = 8 * 1024 * 1024;
/** The kernel gives a page at a time. */
const PAGE_BYTES = 16 * 1024;
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
  const queues = new KernelQueues(sockets);
  const areRead = await Promise.all(TABLES.map((path) => readTable(path, (line) => queues.take(line))));
  return areRead.every(Boolean) ? queues.queued : sockets.map(() => undefined);
}

interface Row {
  readonly local: string;
  readonly remote: string;
  readonly ports: string;
  readonly sending: number;
  readonly receiving: number;
}

/**
 * What the lines of the tables say of some sockets (Linux, Documentation/networking/proc_net_tcp.rst). Two connections
 * of the same ports, to different addresses, are not told apart: nothing is known of either.
 */
export class KernelQueues {
  readonly #sockets: readonly Ports[];
  readonly #wanted: ReadonlySet<string>;
  readonly #byEnds = new Map<string, Row>();
  readonly #byPorts = new Map<string, Row | undefined>();

  constructor(sockets: readonly Ports[]) {
    this.#sockets = sockets;
    this.#wanted = new Set(sockets.flatMap(({ localPort, remotePort }) => [hex(localPort), hex(remotePort)]));
  }

  /** A line of a table. Looked at without a pattern, as there may be thousands. */
  take(line: string): void {
    const start = line.indexOf(": ") + 2;
    const [local = "", remote = "", , queues = ""] = line.slice(start, start + 100).split(" ", 4);
    const ports = `${local.slice(-4)} ${remote.slice(-4)}`;
    if (!this.#wanted.has(local.slice(-4)) || !this.#wanted.has(remote.slice(-4))) return;
    const [sending, receiving] = queues.split(":").map((digits) => Number.parseInt(digits, 16));
    if (sending === undefined || receiving === undefined) return;
    const row = { local: plain(local), remote: plain(remote), ports, sending, receiving };
    this.#byEnds.set(`${row.local} ${row.remote}`, row);
    this.#byPorts.set(ports, this.#byPorts.has(ports) ? undefined : row);
  }

  /** Bytes, in the order of the sockets. */
  get queued(): (number | undefined)[] {
    return this.#sockets.map(({ localPort, remotePort }) => {
      const own = this.#byPorts.get(`${hex(localPort)} ${hex(remotePort)}`);
      return own && own.sending + (this.#byEnds.get(`${own.remote} ${own.local}`)?.receiving ?? 0);
    });
  }
}

/** An end as the table of IPv4 has it, if it can. */
function plain(end: string): string {
  return end.startsWith(MAPPED) ? end.slice(MAPPED.length) : end;
}

function hex(port: number | undefined): string {
  return port === undefined ? "-" : port.toString(16).toUpperCase().padStart(4, "0");
}

/**
 * Gives each line of a table, which is never in memory as a whole.
 * @returns false where it is too long, or cannot be read; one that is missing is empty
 */
async function readTable(path: string, onLine: (line: string) => void): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return true;
  const page = Buffer.alloc(PAGE_BYTES);
  let rest = "";
  try {
    for (let bytes = 0; bytes <= MAX_TABLE_BYTES; ) {
      const { bytesRead } = await file.read(page, 0, PAGE_BYTES);
      if (bytesRead === 0) return true;
      bytes += bytesRead;
      const lines = (rest + page.toString("latin1", 0, bytesRead)).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(onLine);
    }
    return false;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
