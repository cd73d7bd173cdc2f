import { connect as connectTcp, isIP, type Socket } from "node:net";
import tls from "node:tls";
import { connectFailure } from "./failures.ts";
import { settled } from "./settled.ts";
import { NEEDS_TLS_GATE, TlsGate } from "./tls-gate.ts";
import { trustedRoots } from "./tls-roots.ts";
import { connectThroughProxy } from "./web-proxy-tunnel.ts";

/** DNS, TCP, web proxy and TLS together may take this long. */
const CONNECT_TIMEOUT_MS = 15_000;
/** Of these the web proxy may take so much: it connects to the endpoint before it answers. */
const WEB_PROXY_TIMEOUT_MS = 10_000;

/** Where a connection goes, whom it trusts, and through what. */
export interface Remote {
  readonly host: string;
  readonly port: number;
  /** PEM certificates trusted besides the system's. */
  readonly ca?: readonly string[] | undefined;
  readonly webProxy?: URL | undefined;
}

/** A certificate to show and its private key, PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** How to connect. */
export interface TransportOptions extends Remote {
  /** How long the web proxy may take, in milliseconds; absent: 10 s. */
  readonly webProxyLimitMs?: number | undefined;
  /** No certificate is checked at all. */
  readonly isUnverified?: boolean | undefined;
  readonly signal: AbortSignal;
  /** Application protocols to offer (ALPN), none when empty; absent: HTTP/1.1. */
  readonly alpn?: readonly string[] | undefined;
  readonly identity?: Identity | undefined;
}

/**
 * Makes the TLS stream where the WebSocket library cannot: through a web proxy, or where TLS needs the gate below it.
 * @returns undefined when the library does it itself, which is faster.
 */
export async function openTransport(options: TransportOptions): Promise<tls.TLSSocket | undefined> {
  return options.webProxy === undefined && !NEEDS_TLS_GATE ? undefined : openTls(options);
}

/** Opens a TLS stream, through the web proxy if there is one. @throws UnreachableError */
export async function openTls(options: TransportOptions): Promise<tls.TLSSocket> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
  try {
    return await startTls(await openTcp(options, signal), options, signal);
  } catch (error) {
    throw connectFailure(error, options);
  }
}

async function openTcp(options: TransportOptions, signal: AbortSignal): Promise<Socket> {
  const { host, port, webProxy, webProxyLimitMs: limitMs = WEB_PROXY_TIMEOUT_MS } = options;
  if (webProxy !== undefined) return connectThroughProxy({ ...options, webProxy, limitMs, signal });
  const socket = connectTcp({ host, port, autoSelectFamily: true, noDelay: true });
  return settled(socket, "connect", signal);
}

async function startTls(
  socket: Socket,
  options: TransportOptions,
  signal: AbortSignal,
): Promise<tls.TLSSocket> {
  const gate = NEEDS_TLS_GATE ? new TlsGate(socket) : undefined;
  const stream = tls.connect({
    socket: gate ?? socket,
    host: options.host,
    ...(isIP(options.host) === 0 && { servername: options.host }),
    ca: trustedRoots(options.ca),
    ...(options.isUnverified && { rejectUnauthorized: false }),
    ...(options.alpn?.length !== 0 && { ALPNProtocols: [...(options.alpn ?? ["http/1.1"])] }),
    ...(options.identity && { cert: options.identity.certificate, key: options.identity.key }),
  });
  gate?.guard(stream);
  return settled(stream, "secureConnect", signal);
}
