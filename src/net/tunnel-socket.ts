import { addAbortListener } from "node:events";
import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { WebSocket } from "ws";
import { reasonOf } from "../base/abort.ts";
import { HandshakeError, RemoteProtocolError, type TunnelError, UnreachableError } from "../base/errors.ts";
import { escapeControl } from "../base/escape.ts";
import { hostAndPort } from "../base/host-names.ts";
import { getLogger } from "../base/log.ts";
import type { AccessToken, ClientToken } from "../base/secret.ts";
import { isLastWord, judgeRefusal } from "../engine/refusal.ts";
import {
  ACCESS_TOKEN_HEADER,
  CHANNEL_ID_HEADER,
  CLIENT_TOKEN_HEADER,
  MAX_WEBSOCKET_FRAME_BYTES,
  MODE_PARAMETER,
  STATUS_REASON_HEADER,
  SUBPROTOCOLS,
  TUNNEL_PATH,
} from "../protocol/constants.ts";
import { connectFailure } from "./failures.ts";
import { Limit } from "./limit.ts";
import { readRefusalBody } from "./refusal-body.ts";
import { gateOf, type TlsGate } from "./tls-gate.ts";
import { trustedRoots } from "./tls-roots.ts";
import { openTransport } from "./transport.ts";
import { webProxyName } from "./web-proxy-url.ts";

/** How long a handshake may take, in milliseconds: names, web proxy, TCP, TLS and the upgrade together. */
export interface HandshakeLimits {
  /** After this, whoever waits is told so. */
  readonly slowMs: number;
  /** After this, the attempt has failed. */
  readonly wholeMs: number;
}

const LIMITS: HandshakeLimits = { slowMs: 4_000, wholeMs: 15_000 };
/** How long the service may take to answer a close frame, whoever ended the WebSocket and why. */
const CLOSE_TIMEOUT_MS = 500;

/** An option of the library that its types lack. */
const CLOSING: object = { closeTimeout: CLOSE_TIMEOUT_MS };

/** Which side of a tunnel connects, where, and with which tokens. */
export interface TunnelSocketOptions {
  readonly host: string;
  readonly port: number;
  readonly mode: "source" | "destination";
  readonly accessToken: AccessToken;
  readonly clientToken?: ClientToken | undefined;
  /** PEM certificates trusted besides the system's. */
  readonly ca?: readonly string[] | undefined;
  readonly webProxy?: URL | undefined;
  /** No certificate is checked at all. */
  readonly isUnverified?: boolean | undefined;
  readonly userAgent: string;
  /** Absent: 4 s and 15 s. */
  readonly limits?: HandshakeLimits | undefined;
  /** Told once, in words, when an answer is slow; absent: the log is. */
  readonly onSlow?: ((message: string) => void) | undefined;
  readonly signal: AbortSignal;
}

/** What an open tunnel socket tells its owner. Set once, before the next event. */
export interface TunnelSocketHandlers {
  onBytes(bytes: Uint8Array): void;
  onPong(id: number): void;
  /** The service pinged us; the answer is on its way. */
  onPing(): void;
  /** A message was handed to the kernel: there may be room again. */
  onSent(): void;
  /** `error` is set when the socket broke or the far side broke a rule of the WebSocket. */
  onClose(code: number, reason: string, error: Error | undefined): void;
}

/** The data plane's WebSocket, open. */
export interface TunnelSocket {
  readonly channelId: string;
  readonly subprotocol: string;
  /** Bytes handed over and not yet taken by the kernel. */
  readonly bufferedBytes: number;
  handle(handlers: TunnelSocketHandlers): void;
  send(bytes: Uint8Array): void;
  ping(id: number): void;
  /** Stops reading, so that TCP holds the service back. */
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

/**
 * Opens the WebSocket of one side of a tunnel (P1 to P7), or fails within a second more than its limits say.
 * @throws HandshakeError when the service refuses for good, UnreachableError when it cannot be reached, does not answer
 * in time or asks to try again, or when something else answers; RemoteProtocolError when it answers against the rules.
 */
export async function dialTunnel(options: TunnelSocketOptions): Promise<TunnelSocket> {
  const where = placeOf(options);
  const { slowMs, wholeMs } = options.limits ?? LIMITS;
  const late = () => new UnreachableError(`no answer from ${where} in ${wholeMs / 1_000} s`);
  using limit = new Limit(options.signal, wholeMs, late);
  const slow = setTimeout(
    () =>
      (options.onSlow ?? logSlow)(`no answer yet from ${where}; it has ${(wholeMs - slowMs) / 1_000} s left`),
    slowMs,
  );
  try {
    const transport = await openTransport({ ...options, signal: limit.signal });
    return await upgrade(transport, options, limit.signal);
  } finally {
    clearTimeout(slow);
  }
}

function logSlow(message: string): void {
  getLogger("net").warn("{message}", { message });
}

function placeOf({ host, port, webProxy }: TunnelSocketOptions): string {
  return `${host}:${port}${webProxy === undefined ? "" : ` through the ${webProxyName(webProxy)}`}`;
}

async function upgrade(
  transport: TLSSocket | undefined,
  options: TunnelSocketOptions,
  signal: AbortSignal,
): Promise<TunnelSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TunnelSocket>();
  const socket = new WebSocket(tunnelUrl(options), [...SUBPROTOCOLS], {
    headers: headersOf(options),
    perMessageDeflate: false,
    maxPayload: MAX_WEBSOCKET_FRAME_BYTES,
    ...CLOSING,
    ...(transport === undefined ? { ca: trustedRoots(options.ca) } : { createConnection: () => transport }),
    ...(options.isUnverified && { rejectUnauthorized: false }),
  });
  using _ = addAbortListener(signal, () => reject(reasonOf(signal)));
  let channelId = "";
  socket.on("upgrade", (response: IncomingMessage) => {
    channelId = String(response.headers[CHANNEL_ID_HEADER] ?? "");
  });
  socket.once("unexpected-response", (_request, response: IncomingMessage) => {
    refusalOf(response).then(reject, reject);
  });
  socket.on("error", (error) => reject(connectFailure(error, options)));
  socket.once("close", () => reject(connectFailure(new Error("closed during the handshake"), options)));
  socket.once("open", () => {
    if (!(SUBPROTOCOLS as readonly string[]).includes(socket.protocol)) {
      reject(new RemoteProtocolError("P5", `the service chose the unknown subprotocol "${socket.protocol}"`));
      return socket.terminate();
    }
    // The service's first message may lie behind its handshake: it waits until handle() is called.
    socket.pause();
    resolve(wrap(socket, channelId, transport && gateOf(transport)));
  });
  try {
    return await promise;
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

function tunnelUrl(options: TunnelSocketOptions): string {
  return `wss://${hostAndPort(options)}${TUNNEL_PATH}?${MODE_PARAMETER}=${options.mode}`;
}

function headersOf({ accessToken, clientToken, userAgent }: TunnelSocketOptions): Record<string, string> {
  return {
    [ACCESS_TOKEN_HEADER]: accessToken.reveal(),
    ...(clientToken && { [CLIENT_TOKEN_HEADER]: clientToken.reveal() }),
    "user-agent": userAgent,
  };
}

async function refusalOf(response: IncomingMessage): Promise<TunnelError> {
  const status = response.statusCode ?? 0;
  const body = await readRefusalBody(response);
  const header = response.headers[STATUS_REASON_HEADER];
  const statusReason = escapeControl(
    body || String(header ?? "") || response.statusMessage || "no reason given",
  );
  const { [CHANNEL_ID_HEADER]: id } = response.headers;
  const refusal = { status, statusReason, channelId: id === undefined ? undefined : String(id) };
  const message = `the service refused the connection with status ${status}: ${statusReason}`;
  const meaning = judgeRefusal(refusal);
  const error = new HandshakeError(message, refusal);
  if (isLastWord(meaning)) return error;
  return new UnreachableError(message, { hint: meaning === "busy" ? BUSY_HINT : FOREIGN_HINT, cause: error });
}

const BUSY_HINT = "the service has trouble of its own; try again in a moment";
const FOREIGN_HINT =
  "this is not the data plane's way to refuse: check --proxy-endpoint and --region; a captive portal or another box on the way may answer in its place";

function wrap(socket: WebSocket, channelId: string, gate: TlsGate | undefined): TunnelSocket {
  return {
    channelId,
    subprotocol: socket.protocol,
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    handle(handlers) {
      attach(socket, handlers);
      this.resume();
    },
    send: (bytes) => socket.send(bytes, { binary: true }, () => socket.emit("sent")),
    ping: (id) => socket.ping(String(id)),
    pause() {
      socket.pause();
      gate?.hold();
    },
    resume() {
      socket.resume();
      gate?.release();
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
}

function attach(socket: WebSocket, handlers: TunnelSocketHandlers): void {
  let failure: Error | undefined;
  socket.removeAllListeners();
  socket.on("message", (data, isBinary) => {
    if (isBinary) return handlers.onBytes(data as Buffer);
    failure = new RemoteProtocolError("P10", "the service sent a text frame");
    socket.close(1003);
  });
  socket.on("pong", (data) => handlers.onPong(Number(String(data))));
  socket.on("ping", () => handlers.onPing());
  socket.on("sent", () => handlers.onSent());
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", (code, reason) => handlers.onClose(code, escapeControl(String(reason)), failure));
}
