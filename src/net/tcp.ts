import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { chmodSync, rmSync, statSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, Socket } from "node:net";
import { surviveAcceptErrors } from "../base/accept-errors.ts";
import { ConfigError, ListenError, type TunnelError } from "../base/errors.ts";
import { hostAndPort } from "../base/host-names.ts";
import { PLATFORM, type Platform } from "../base/platform.ts";
import { codeOf, systemReason } from "../base/system-reason.ts";
import { UnixSocket } from "./unix-socket.ts";

/** A TCP address or the path of a Unix socket. */
export type SocketAddress =
  | { readonly type: "tcp"; readonly host?: string | undefined; readonly port: number }
  | { readonly type: "unix"; readonly path: string };

/** Connections that may wait in the kernel for us to accept them. */
const BACKLOG = 1_024;
/** How long a dialled address may take to answer. */
const CONNECT_TIMEOUT_MS = 15_000;

/** A listener and where it really listens. */
export interface Listener {
  readonly server: Server;
  /** IP address, or the path of a Unix socket. */
  readonly address: string;
  readonly port: number | undefined;
  close(): void;
}

/**
 * Listens on a TCP address (127.0.0.1 unless it names a host) or a Unix socket (mode 0600). Sockets arrive paused and
 * half-open.
 * @throws ListenError naming the address when it is taken or not allowed, ConfigError when there is no such address, or
 * no such kind on this system.
 */
export async function listen(
  address: SocketAddress,
  onSocket: (socket: Socket) => void,
  platform: Platform = PLATFORM,
): Promise<Listener> {
  if (address.type === "unix" && platform.isWindows) throw noUnixSockets(address.path, "listen on");
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, onSocket);
  if (address.type === "unix") await removeStaleSocket(address.path);
  else await checkHost(address.host);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.once("listening", resolve);
  if (address.type === "unix") server.listen({ path: address.path, backlog: BACKLOG });
  else server.listen({ host: listenHost(address.host), port: address.port, backlog: BACKLOG });
  try {
    await promise;
    if (address.type === "unix") chmodSync(address.path, 0o600);
  } catch (error) {
    server.close();
    throw listenFailure(error, address);
  }
  surviveAcceptErrors(server, formatAddress(address));
  return describe(server, address);
}

/**
 * Dials a TCP address, trying every address its name has, or a Unix socket. The socket is half-open and can be written
 * to at once; it is destroyed with an error when it is not connected within 15 s.
 */
export function dial(
  address: SocketAddress,
  localAddress?: string | undefined,
  platform: Platform = PLATFORM,
): Socket {
  if (address.type === "unix" && platform.isWindows) {
    return new Socket().destroy(noUnixSockets(address.path, "reach"));
  }
  const socket = address.type === "unix" ? new UnixSocket(address.path) : connectTcp(address, localAddress);
  const timer = setTimeout(() => {
    const message = `no answer from ${formatAddress(address)} in ${CONNECT_TIMEOUT_MS / 1_000} s`;
    // As the system's own, which may take minutes: the other end is told the kind of failure by its code.
    socket.destroy(Object.assign(new Error(message), { code: "ETIMEDOUT" }));
  }, CONNECT_TIMEOUT_MS);
  socket.once("connect", () => clearTimeout(timer));
  socket.once("close", () => clearTimeout(timer));
  return socket;
}

function connectTcp(
  { host, port }: { host?: string | undefined; port: number },
  localAddress?: string,
): Socket {
  return connect({
    host: host ?? "localhost",
    port,
    allowHalfOpen: true,
    autoSelectFamily: true,
    noDelay: true,
    ...(localAddress !== undefined && { localAddress }),
  });
}

/** `localhost:5555`, `[::1]:5555` or `/run/app.sock`. */
export function formatAddress(address: SocketAddress): string {
  if (address.type === "unix") return address.path;
  return hostAndPort({ host: address.host ?? "localhost", port: address.port });
}

/** The runtimes tell a name that does not exist from a port that is taken in different ways, or not at all. */
async function checkHost(host: string | undefined): Promise<void> {
  try {
    await lookup(listenHost(host));
  } catch (cause) {
    throw new ConfigError(`cannot listen on "${host}": no such host name or address`, {
      hint: LISTEN_HINT,
      cause,
    });
  }
}

const LISTEN_HINT = "name an address of this machine: 127.0.0.1 for itself, 0.0.0.0 for everybody";

/** `localhost` may mean ::1 first, where nobody looks for it: listeners take the IPv4 one. */
function listenHost(host: string | undefined): string {
  return host === undefined || host === "localhost" ? "127.0.0.1" : host;
}

function describe(server: Server, address: SocketAddress): Listener {
  const bound = server.address() as AddressInfo | string;
  return {
    server,
    address: typeof bound === "string" ? bound : bound.address,
    port: typeof bound === "string" ? undefined : bound.port,
    close() {
      server.close();
      if (address.type === "unix") rmSync(address.path, { force: true });
    },
  };
}

async function removeStaleSocket(path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() && (await isStaleSocket(path))) {
    rmSync(path, { force: true });
  }
}

/** Whether a Unix socket is left over from a process that was killed. One that is only busy answers otherwise. */
export async function isStaleSocket(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, "connect");
    return false;
  } catch (error) {
    return codeOf(error) === "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}

function noUnixSockets(path: string, what: string): ConfigError {
  return new ConfigError(`cannot ${what} ${path}: there are no Unix sockets on Windows`, {
    hint: "give a TCP port instead",
  });
}

function listenFailure(error: unknown, address: SocketAddress): TunnelError {
  const code = codeOf(error);
  const where = formatAddress(
    address.type === "tcp" ? { ...address, host: listenHost(address.host) } : address,
  );
  const message = `cannot listen on ${where}: ${REASONS[code] ?? systemReason(error)}`;
  if (address.type === "tcp" && !TAKEN.includes(code)) {
    return new ConfigError(message, { hint: LISTEN_HINT, cause: error });
  }
  const hint =
    address.type === "tcp"
      ? "choose another port, or port 0 for a free one"
      : "choose another path, or remove that file";
  return new ListenError(where, message, { hint, cause: error });
}

const TAKEN = ["EADDRINUSE", "EACCES"];

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "not allowed",
  EINVAL: "this machine has no such address",
  ENOTFOUND: "host name not found",
  ENOENT: "no such directory",
};
