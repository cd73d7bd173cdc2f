import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { NEEDS_TLS_GATE, TlsGate } from "../../net/tls-gate.ts";
import type { Identity } from "../certificates/authority.ts";

/** Headers have to come within this time, and a whole request within twice of it: local clients take milliseconds. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Above the reuse time of the AWS SDKs' connection pools, so that they, not we, close a connection. */
const KEEP_ALIVE_MS = 65_000;
/** Handshake requests to the data plane may have 4 kB; Node's default of 16 kB lets the relay answer larger ones. */
const MAX_HEADER_BYTES = 16_384;

/** The emulator's one server: requests and upgrades come out of `http`, connections into `listener`. */
export interface TlsServer {
  readonly http: Pick<HttpServer, "on" | "closeIdleConnections" | "closeAllConnections">;
  readonly listener: TcpServer;
}

type OnRequest = (request: IncomingMessage, response: ServerResponse) => void;

/** The one TLS server of the emulator: HTTP/1.1 for both planes. */
export function createTlsServer(certificate: Identity, onRequest: OnRequest): TlsServer {
  const options = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: 2 * HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const tls = {
    cert: certificate.certificate,
    key: certificate.privateKey,
    minVersion: "TLSv1.2" as const,
    ALPNProtocols: ["http/1.1"],
  };
  if (!NEEDS_TLS_GATE) {
    const server = createHttpsServer({ ...options, ...tls }, onRequest);
    return { http: server, listener: server };
  }
  return gated(createHttpServer(options, onRequest), tls);
}

/** The HTTP server on TLS streams of our own, each with a gate below it that the relay can hold. */
function gated(http: HttpServer, options: Parameters<typeof createSecureContext>[0] & object): TlsServer {
  const secureContext = createSecureContext(options);
  const accept = (socket: Socket) => {
    const gate = new TlsGate(socket);
    const stream = new TLSSocket(gate, { ...options, isServer: true, secureContext });
    gate.guard(stream);
    stream.on("error", () => stream.destroy());
    http.emit("connection", stream);
  };
  return { http, listener: createTcpServer({ noDelay: true }, accept) };
}
