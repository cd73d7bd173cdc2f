import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { KeyPair } from "./authority.ts";

/** Headers have to come within this time, and a whole request within twice of it: local clients take milliseconds. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Above the reuse time of the AWS SDKs' connection pools, so that they, not we, close a connection. */
const KEEP_ALIVE_MS = 65_000;
/** Handshake requests to the data plane may have 4 kB; Node's default of 16 kB lets the relay answer larger ones. */
const MAX_HEADER_BYTES = 16_384;

/** The one TLS server of the emulator: HTTP/1.1 for both planes. */
export function createTlsServer(
  certificate: KeyPair,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const options = {
    cert: certificate.certificate,
    key: certificate.privateKey,
    minVersion: "TLSv1.2" as const,
    ALPNProtocols: ["http/1.1"],
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: 2 * HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  return createServer(options, onRequest);
}
