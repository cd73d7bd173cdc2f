import { EventEmitter } from "node:events";
import type { ClientRequest } from "node:http";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import tls from "node:tls";
import { HttpsProxyAgent } from "https-proxy-agent";
import { connectFailure } from "./failures.ts";
import { NEEDS_TLS_GATE, TlsGate } from "./tls-gate.ts";
import { trustedRoots } from "./tls-roots.ts";
import { webProxyRefusal, webProxyUnreachable } from "./web-proxy-failure.ts";

/** DNS, TCP, web proxy and TLS together may take this long. */
const CONNECT_TIMEOUT_MS = 15_000;

/** Where a connection goes, through what, and whom it trusts. */
export interface TransportOptions {
  readonly host: string;
  readonly port: number;
  readonly ca?: readonly string[] | undefined;
  readonly webProxy?: URL | undefined;
  /** No certificate is checked at all. */
  readonly isUnverified?: boolean | undefined;
  readonly signal: AbortSignal;
  /** Application protocols to offer (ALPN), none when empty; absent: HTTP/1.1. */
  readonly alpn?: readonly string[] | undefined;
  /** PEM certificate and private key to show. */
  readonly identity?: { readonly certificate: string; readonly key: string } | undefined;
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

async function openTcp({ host, port, webProxy, ca }: TransportOptions, signal: AbortSignal): Promise<Socket> {
  if (webProxy !== undefined) return connectThroughProxy(webProxy, { host, port }, ca, signal);
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

/** The socket once `event` came; it is destroyed when it fails or the signal ends the attempt. */
function settled<T extends Socket>(
  socket: T,
  event: "connect" | "secureConnect",
  signal: AbortSignal,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => socket.destroy(signal.reason instanceof Error ? signal.reason : new Error("stopped"));
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  socket.once(event, () => resolve(socket));
  socket.once("error", reject);
  socket.once("close", () => reject(new Error("closed during the handshake")));
  return promise.finally(() => signal.removeEventListener("abort", abort));
}

async function connectThroughProxy(
  webProxy: URL,
  target: { readonly host: string; readonly port: number },
  ca: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  // The signal ends the agent's own socket, which it does not show before the web proxy has answered.
  const agent = new HttpsProxyAgent(webProxy, { ca: trustedRoots(ca), signal });
  let status = 0;
  agent.on("proxyConnect", (answer: { readonly statusCode: number }) => {
    status = answer.statusCode;
  });
  // The agent uses the request as an event emitter only.
  const request = new EventEmitter() as ClientRequest;
  const connecting = agent.connect(request, { ...target, secureEndpoint: false });
  const socket = await Promise.race([connecting, aborted(signal)]).catch((error: unknown) => {
    connecting.then((late) => late.destroy()).catch(() => {});
    throw webProxyUnreachable(webProxy, error);
  });
  if (status === 200) return socket;
  socket.destroy();
  throw webProxyRefusal(webProxy, target, status);
}

/** Fails when the signal ends the attempt. */
function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const fail = () => reject(signal.reason instanceof Error ? signal.reason : new Error("stopped"));
  if (signal.aborted) fail();
  signal.addEventListener("abort", fail, { once: true });
  return promise;
}
