import { addAbortListener } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { createWebSocketStream, WebSocket } from "ws";
import { reasonOf } from "../base/abort.ts";
import { UnreachableError } from "../base/errors.ts";
import { hostAndPort } from "../base/host-names.ts";
import { connectFailure } from "../net/failures.ts";
import { Limit } from "../net/limit.ts";
import { trustedRoots } from "../net/tls-roots.ts";
import { type Identity, openTls, openTransport, type Remote } from "../net/transport.ts";

/** How the broker knows us. Each is asked anew for every attempt, since certificates and credentials are renewed. */
export type BrokerAccess =
  /** MQTT over TLS with a device certificate; `alpn` on port 443 of AWS IoT. */
  | { readonly type: "certificate"; readonly alpn: boolean; readonly identity: () => Identity }
  /** MQTT over WebSocket; gives the signed path and query of the request. */
  | { readonly type: "websocket"; readonly sign: (address: Remote) => Promise<string> };

/** A broker and the way in. The address may have to be looked up. */
export interface BrokerConnection {
  readonly address: (signal: AbortSignal) => Promise<Remote>;
  readonly access: BrokerAccess;
}

/** Protocol name by which AWS IoT tells MQTT with a client certificate from HTTPS on port 443. */
const MQTT_ALPN = "x-amzn-mqtt-ca";
/** Everything up to the answer may take this long: names, web proxy, TCP, TLS and the upgrade together. */
const HANDSHAKE_TIMEOUT_MS = 15_000;

/** Opens the byte stream that MQTT runs on. @throws UnreachableError, and what the access throws */
export async function openBrokerStream(
  address: Remote,
  access: BrokerAccess,
  signal: AbortSignal,
): Promise<Duplex> {
  if (access.type === "websocket") return openWebSocket(address, await access.sign(address), signal);
  const identity = access.identity();
  return openTls({ ...address, signal, identity, alpn: access.alpn ? [MQTT_ALPN] : [] });
}

async function openWebSocket(address: Remote, path: string, stop: AbortSignal): Promise<Duplex> {
  const late = () =>
    new UnreachableError(
      `no answer from ${address.host}:${address.port} in ${HANDSHAKE_TIMEOUT_MS / 1_000} s`,
    );
  using limit = new Limit(stop, HANDSHAKE_TIMEOUT_MS, late);
  const { signal } = limit;
  const transport = await openTransport({ ...address, signal });
  const socket = makeWebSocket(address, path, transport);
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  using _ = addAbortListener(signal, () => reject(reasonOf(signal)));
  socket.once("unexpected-response", (_request, response: IncomingMessage) => {
    response.resume();
    reject(refusal(address, response.statusCode ?? 0));
  });
  socket.on("error", (error) => reject(connectFailure(error, address)));
  socket.once("close", () => reject(connectFailure(new Error("closed during the handshake"), address)));
  socket.once("open", () => {
    const stream = createWebSocketStream(socket);
    // By itself the stream only ends, and MQTT waits for its close.
    socket.once("close", () => stream.destroy());
    resolve(stream);
  });
  try {
    return await promise;
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

function makeWebSocket(address: Remote, path: string, transport: TLSSocket | undefined) {
  return new WebSocket(`wss://${hostAndPort(address)}${path}`, ["mqtt"], {
    perMessageDeflate: false,
    ...(transport === undefined ? { ca: trustedRoots(address.ca) } : { createConnection: () => transport }),
  });
}

function refusal({ host, port }: Remote, status: number): UnreachableError {
  const isForbidden = status === 401 || status === 403;
  return new UnreachableError(`the broker ${host}:${port} refused the WebSocket with status ${status}`, {
    hint: isForbidden
      ? "check the credentials, this machine's clock, and that their policy allows iot:Connect"
      : undefined,
  });
}
