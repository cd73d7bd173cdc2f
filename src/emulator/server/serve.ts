// The emulator of the service on this machine: control plane and data plane on one TLS port.

import { randomBytes, randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import { uptime } from "node:os";
import { join, resolve } from "node:path";
import type { Duplex } from "node:stream";
import { ConfigError } from "../../base/errors.ts";
import { bracketed } from "../../base/host-names.ts";
import { getLogger } from "../../base/log.ts";
import { makePrivateDirectory } from "../../base/private-files.ts";
import { codeOf } from "../../base/system-reason.ts";
import type { Identity } from "../certificates/authority.ts";
import { type Certificates, prepareCertificates } from "../certificates/certificates.ts";
import { handleRequest } from "../control-plane/control-plane-server.ts";
import type { SigningKey } from "../control-plane/signature.ts";
import { FaultPlan } from "../faults/fault-plan.ts";
import { startNotifying } from "../notify/start.ts";
import { endUpgrade } from "../relay/end-upgrade.ts";
import { RelayServer } from "../relay/relay-server.ts";
import { MemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { Tunnels } from "../tunnels/tunnels.ts";
import { bind, nameOf } from "./bind.ts";
import { type Endpoint, removeEndpoint, writeEndpoint } from "./endpoint-file.ts";
import { checkServeOptions, type ServeOptions, serverNames } from "./serve-options.ts";
import { checkOwner, makeTemporaryDirectory, STATE_ADVICE } from "./state-directory.ts";
import { StepWatch } from "./step-watch.ts";
import { refuseRequest } from "./strict-http.ts";
import { createTlsServer, type TlsServer } from "./tls-server.ts";

export type { Endpoint } from "./endpoint-file.ts";
export type { ServeOptions } from "./serve-options.ts";

/** Connections that are busy at the stop get this long to finish. */
const CLOSE_GRACE_MS = 1_000;
/** What HTTP has a status of its own for, among requests that a parser gives up. Not every runtime answers them itself. */
const CLIENT_ERRORS: ReadonlyMap<string, number> = new Map([
  ["HPE_HEADER_OVERFLOW", 431],
  ["ERR_HTTP_REQUEST_TIMEOUT", 408],
]);
/** A tunnel opened meanwhile may be due first, and a machine that slept wakes its timers late: look this often. */
const MAX_TICK_MS = 1_000;

/** A served emulator. */
export interface RunningEmulator {
  /** What endpoint.json says. */
  readonly endpoint: Endpoint;
  /** Absolute; gone after `close` when the state is ephemeral. */
  readonly stateDirectory: string;
  /** OpenSSL hashed directory with the CA. */
  readonly caDirectory: string;
  /** The CA was made by this start: clients that copied an older one have to take it again. */
  readonly isNewAuthority: boolean;
  readonly tunnels: Tunnels;
  /** Ends every connection and gives the state directory back; tunnels stay open in it. */
  readonly close: () => Promise<void>;
}

/**
 * Serves until `close`. Resolves when it listens and endpoint.json is written. Throws UsageError for options it
 * cannot be given, ConfigError for a state directory it cannot use or that another emulator uses, ListenError for a
 * port it cannot have.
 */
export async function serve(options: ServeOptions): Promise<RunningEmulator> {
  checkServeOptions(options);
  await using cleanup = new AsyncDisposableStack();
  const emulator = await start(options, cleanup);
  const taken = cleanup.move();
  let closing: Promise<void> | undefined;
  return {
    ...emulator,
    close() {
      closing ??= taken.disposeAsync();
      return closing;
    },
  };
}

async function start(
  options: ServeOptions,
  cleanup: AsyncDisposableStack,
): Promise<Omit<RunningEmulator, "close">> {
  const { region, accountId, allowOrigins } = options;
  const { names, addresses } = serverNames(options);
  const stateDirectory = takeStateDirectory(options.state, cleanup);
  const store = await openStore(options.state, stateDirectory);
  cleanup.defer(() => store.close());
  const directory = join(stateDirectory, "ca");
  const certificates = await prepareCertificates({ directory, names, addresses, now: Date.now() });
  const steps = new StepWatch({ wall: Date.now, steady: () => uptime() * 1_000 });
  const tunnels = new Tunnels({
    store,
    region,
    accountId,
    now: Date.now,
    takeStep: () => steps.take(),
    random: randomBytes,
    createId: randomUUID,
    log: getLogger("tunnels"),
  });
  const hostNames = [...names, ...addresses.map(bracketed)];
  const faults = new FaultPlan({ faults: options.faults ?? [], quota: options.hasQuota ?? false });
  cleanup.defer(faults.watch(tunnels, getLogger("faults")));
  const credentials = options.isPrivate ? createKey() : undefined;
  const server = await listen(
    options.listen,
    certificates.server,
    { tunnels, hostNames, allowOrigins, signingKey: credentials, faults },
    cleanup,
  );
  const devices = await startNotifying(options, {
    tunnels,
    stateDirectory,
    isEphemeral: options.state.type === "ephemeral",
    server: certificates.server,
  });
  cleanup.defer(devices.close);
  const endpoint = {
    ...describeEndpoint(server, options, certificates),
    ...devices.endpoint,
    ...(credentials === undefined ? {} : { credentials }),
  };
  writeEndpoint(stateDirectory, endpoint);
  cleanup.defer(() => removeEndpoint(stateDirectory));
  cleanup.defer(startClock(tunnels));
  return {
    endpoint,
    stateDirectory,
    caDirectory: certificates.caDirectory,
    isNewAuthority: certificates.isNewAuthority,
    tunnels,
  };
}

function takeStateDirectory(state: ServeOptions["state"], cleanup: AsyncDisposableStack): string {
  if (state.type === "ephemeral") {
    const directory = makeTemporaryDirectory();
    cleanup.defer(() => rmSync(directory, { recursive: true, force: true }));
    return directory;
  }
  const directory = resolve(state.path);
  makePrivateDirectory(directory, STATE_ADVICE);
  checkOwner(directory);
  return directory;
}

/** Only what is to outlive this process needs SQLite, which not every runtime has. */
async function openStore(state: ServeOptions["state"], stateDirectory: string): Promise<Store> {
  if (state.type === "ephemeral") return new MemoryStore();
  if (process.getBuiltinModule?.("node:sqlite") === undefined) {
    throw new ConfigError("this runtime has no SQLite, so nothing can be kept in a state directory", {
      hint: "use Node.js 22.5 or newer, Bun or Deno; or keep nothing",
    });
  }
  const { SqliteStore } = await import("../store/sqlite.ts");
  return new SqliteStore(join(stateDirectory, "tunnels.db"));
}

async function listen(
  address: ServeOptions["listen"],
  certificate: Identity,
  planes: {
    readonly tunnels: Tunnels;
    readonly hostNames: readonly string[];
    readonly allowOrigins: readonly string[];
    readonly signingKey: SigningKey | undefined;
    readonly faults: FaultPlan;
  },
  cleanup: AsyncDisposableStack,
): Promise<TlsServer> {
  const { tunnels, hostNames, allowOrigins, signingKey, faults } = planes;
  const allowsCall = (operation: string) => faults.allowsCall(operation);
  const log = getLogger("control-plane");
  const server = createTlsServer(certificate, (request, response) => {
    const options = { tunnels, hostNames, now: Date.now, signingKey, allowsCall, log };
    handleRequest(request, response, options).catch((error: unknown) => {
      log.error("a request could not be answered: {error}", { error });
      response.destroy();
    });
  });
  const relay = new RelayServer({ tunnels, allowOrigins, faults, log: getLogger("relay") });
  server.http.on("clientError", (error, socket) => {
    const code = codeOf(error);
    if (!socket.writable || code === "ECONNRESET") return void socket.destroy();
    refuseUpgrade(socket, CLIENT_ERRORS.get(code) ?? 400);
  });
  server.http.on("upgrade", (request, socket, head) => {
    const refusal = refuseRequest(request, hostNames);
    if (refusal !== undefined) return refuseUpgrade(socket, refusal.status);
    try {
      relay.handleUpgrade(request, socket, head);
    } catch (error) {
      // The store may fail, e.g. on a full disk; that is no reason to end every other tunnel.
      log.error("a WebSocket handshake failed: {error}", { error });
      refuseUpgrade(socket, 500);
    }
  });
  await bind(server.listener, address, `--listen ${bracketed(address.host)}:0 takes a free port`);
  server.listener.on("error", (error) => log.error("the listener failed: {error}", { error }));
  cleanup.defer(() => closeServer(server, relay));
  return server;
}

/** A key as AWS's look, of this emulator alone. */
function createKey(): SigningKey {
  return {
    accessKeyId: `LOCAL${randomBytes(8).toString("hex").toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString("base64"),
  };
}

function describeEndpoint(server: TlsServer, options: ServeOptions, { caPath }: Certificates): Endpoint {
  const { port } = server.listener.address() as AddressInfo;
  const authority = `${nameOf(options.listen.host)}:${port}`;
  return {
    version: 1,
    region: options.region,
    accountId: options.accountId,
    controlPlane: `https://${authority}`,
    dataPlane: authority,
    ca: caPath,
    pid: process.pid,
  };
}

function refuseUpgrade(socket: Duplex, status: number): void {
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}`;
  endUpgrade(socket, `${head}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** One timer for all tunnels: expiry is exact to a second, and every call checks it for itself besides. */
function startClock(tunnels: Tunnels): () => void {
  const log = getLogger("tunnels");
  let isFailing = false;
  const tick = (): void => {
    let untilDue = MAX_TICK_MS;
    try {
      tunnels.tick();
      untilDue = (tunnels.deadline() ?? Number.POSITIVE_INFINITY) - Date.now();
      isFailing = false;
    } catch (error) {
      if (!isFailing) log.error("the store fails: {error}", { error });
      isFailing = true;
    }
    // What is overdue now could not be written: not to be tried again at once, and for ever.
    timer = setTimeout(tick, untilDue > 0 ? Math.min(untilDue, MAX_TICK_MS) : MAX_TICK_MS);
  };
  let timer = setTimeout(tick, 0);
  return () => clearTimeout(timer);
}

/** Takes no new connection from here on, drops the WebSockets, and lets calls that are under way finish. */
async function closeServer(server: TlsServer, relay: RelayServer): Promise<void> {
  const closed = new Promise<void>((resolveClosed) => {
    const timer = setTimeout(() => {
      server.http.closeAllConnections();
      // Deno does not always tell of the end of connections that its HTTP server never took a request from.
      resolveClosed();
    }, CLOSE_GRACE_MS);
    server.listener.close(() => {
      clearTimeout(timer);
      resolveClosed();
    });
  });
  relay.close();
  server.http.closeIdleConnections();
  await closed;
}
