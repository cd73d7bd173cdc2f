import { addAbortListener } from "node:events";
import { reasonOf } from "../base/abort.ts";
import { hostAndPort } from "../base/host-names.ts";
// The way through a web proxy: one CONNECT (RFC 9110, 9.3.6), for control plane, data plane and MQTT alike. By hand,
// since the usual library neither limits how long and how much it waits for nor lets go of a proxy that stays silent.

import { connect as connectTcp, isIP, type Socket } from "node:net";
import tls from "node:tls";
import { settled } from "./settled.ts";
import { trustedRoots } from "./tls-roots.ts";
import {
  WebProxyAnswerError,
  webProxyRefusal,
  webProxySilent,
  webProxyUnreachable,
} from "./web-proxy-failure.ts";
import { webProxyAddress, webProxyLogin } from "./web-proxy-url.ts";

/** An answer's status line and headers; a proxy that says more than this before their end is none. */
const MAX_HEAD_BYTES = 16 * 1024;
/** Records of TLS begin so: an alert, or a handshake. */
const TLS_RECORDS = [0x15, 0x16];

/** Through which proxy, to where, and within which bounds. */
export interface WebProxyRoute {
  readonly webProxy: URL;
  readonly host: string;
  readonly port: number;
  /** PEM certificates trusted besides the system's, for a proxy that is spoken to over TLS. */
  readonly ca?: readonly string[] | undefined;
  /** No certificate is checked at all, not the proxy's either. */
  readonly isUnverified?: boolean | undefined;
  /** TCP and TLS to the proxy and its answer together may take this long, in milliseconds. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/**
 * A paused socket that the web proxy has connected to host and port. It is destroyed on every other way out.
 * @throws UnreachableError naming the web proxy when it cannot be reached, stays silent or refuses
 */
export async function connectThroughProxy(route: WebProxyRoute): Promise<Socket> {
  const { webProxy, limitMs } = route;
  const limit = AbortSignal.timeout(limitMs);
  const signal = AbortSignal.any([route.signal, limit]);
  let socket: Socket | undefined;
  try {
    socket = await reach(route, signal);
    const head = await ask(socket, route, signal);
    if (head.status >= 200 && head.status <= 299) return socket;
    throw webProxyRefusal(webProxy, route, head);
  } catch (error) {
    socket?.destroy();
    const isLate = limit.aborted && !route.signal.aborted;
    throw isLate ? webProxySilent(webProxy, limitMs) : webProxyUnreachable(webProxy, error);
  }
}

function reach({ webProxy, ca, isUnverified }: WebProxyRoute, signal: AbortSignal): Promise<Socket> {
  const { host, port } = webProxyAddress(webProxy);
  const tcp = { host, port, autoSelectFamily: true, noDelay: true };
  if (webProxy.protocol !== "https:") return settled(connectTcp(tcp), "connect", signal);
  const socket = tls.connect({
    ...tcp,
    ...(isIP(host) === 0 && { servername: host }),
    ...(isUnverified && { rejectUnauthorized: false }),
    ca: trustedRoots(ca),
    ALPNProtocols: ["http/1.1"],
  });
  return settled(socket, "secureConnect", signal);
}

interface Head {
  readonly status: number;
  /** Values of the Proxy-Authenticate headers, in one text. */
  readonly authenticate: string;
}

async function ask(socket: Socket, route: WebProxyRoute, signal: AbortSignal) {
  const target = hostAndPort(route);
  const login = webProxyLogin(route.webProxy);
  const lines = [
    `CONNECT ${target} HTTP/1.1`,
    `Host: ${target}`,
    ...(login === undefined ? [] : [`Proxy-Authorization: ${login}`]),
    "Proxy-Connection: Keep-Alive",
    "",
    "",
  ];
  const head = readHead(socket, signal);
  socket.write(lines.join("\r\n"));
  return head;
}

/** Reads up to the end of the final answer's headers, and leaves the socket paused. */
async function readHead(socket: Socket, signal: AbortSignal): Promise<Head> {
  const { promise, resolve, reject } = Promise.withResolvers<Head>();
  let text = "";
  const onData = (chunk: Buffer) => {
    text += chunk.toString("latin1");
    try {
      const head = parseHead(text);
      if (head !== undefined) resolve(head);
      else if (text.length > MAX_HEAD_BYTES) reject(new WebProxyAnswerError("foreign"));
    } catch (error) {
      reject(error);
    }
  };
  using _ = addAbortListener(signal, () => reject(reasonOf(signal)));
  socket.on("data", onData);
  socket.once("error", reject);
  const ended = () => reject(new WebProxyAnswerError("closed"));
  socket.once("end", ended).once("close", ended);
  try {
    return await promise;
  } finally {
    socket.pause();
    socket.off("data", onData).off("end", ended).off("close", ended);
  }
}

/** Undefined while the answer is incomplete. @throws WebProxyAnswerError when it is none of a web proxy */
function parseHead(text: string): Head | undefined {
  if (TLS_RECORDS.includes(text.charCodeAt(0))) throw new WebProxyAnswerError("tls");
  const start = text.slice(0, "HTTP/1".length);
  if (start !== "HTTP/1".slice(0, start.length)) throw new WebProxyAnswerError("foreign");
  const [end] = /\r?\n\r?\n/.exec(text) ?? [];
  if (end === undefined) return undefined;
  const at = text.indexOf(end);
  const head = text.slice(0, at);
  const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(status)) throw new WebProxyAnswerError("foreign");
  const rest = text.slice(at + end.length);
  if (status < 200) return parseHead(rest);
  // Behind a proxy's consent stands the answer to our TLS, which we have not begun.
  if (status < 300 && rest !== "") throw new WebProxyAnswerError("foreign");
  const authenticate = [...head.matchAll(/^proxy-authenticate:(.*)$/gim)].map(([, value]) => value).join(",");
  return { status, authenticate };
}
