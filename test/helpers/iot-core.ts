// What an agent meets at AWS IoT Core, on this machine: MQTT on a port that insists on ALPN and a client certificate,
// MQTT over WebSocket that checks signatures, and DescribeEndpoint. Reached under its real names through a web proxy.
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { Aedes } from "aedes";
import { createWebSocketStream, WebSocketServer } from "ws";
import {
  createAuthority,
  createDeviceAuthority,
  issueDeviceCertificate,
  issueServerCertificate,
} from "../../src/emulator/certificates/authority.ts";
import { notifyTopic } from "./mqtt.ts";
import { checkSignature, type SignatureScope } from "./signature.ts";
import { tempDir } from "./temp-dir.ts";

export const IOT_HOST = "iot.us-east-1.amazonaws.com";
export const DATA_HOST = "abc123-ats.iot.us-east-1.amazonaws.com";
const MQTT_ALPN = "x-amzn-mqtt-ca";

export interface IotCore extends AsyncDisposable {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly alpnPort: number;
  readonly webSocketPort: number;
  /** A web proxy that takes CONNECT for DATA_HOST and IOT_HOST, and for this machine's own names. */
  readonly webProxyPort: number;
  /** Scope of every request that was signed well. */
  readonly scopes: SignatureScope[];
  /** Why requests were turned away. */
  readonly refusals: string[];
  /** What the web proxy was asked for. */
  readonly connects: string[];
  /** Notifies the device of a thing. */
  notify(thing: string, payload: string): Promise<void>;
  /** Ends every connection. */
  cut(): void;
}

export async function startIotCore(secret: string): Promise<IotCore> {
  const dir = tempDir();
  const names = ["localhost", IOT_HOST, DATA_HOST];
  const authority = await createAuthority(names, Date.now());
  const server = await issueServerCertificate(authority, { names, addresses: [] }, Date.now());
  const devices = await createDeviceAuthority(Date.now());
  const device = await issueDeviceCertificate(devices, "pump-7", Date.now());
  const file = (name: string, text: string) => {
    const path = join(dir.path, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const aedes = await Aedes.createBroker();
  const keyPair = { cert: server.certificate, key: server.privateKey };
  const scopes: SignatureScope[] = [];
  const refusals: string[] = [];
  const connects: string[] = [];
  const sockets = new Set<Socket>();
  const alpn = createTlsServer(
    {
      ...keyPair,
      ca: devices.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: [MQTT_ALPN],
    },
    (socket: TLSSocket) => {
      socket.on("error", () => {});
      if (socket.alpnProtocol === MQTT_ALPN) return void aedes.handle(socket);
      refusals.push(`ALPN ${socket.alpnProtocol}`);
      socket.destroy();
    },
  );
  const web = createHttpsServer(keyPair);
  const judge = (method: string, target: string, headers: Record<string, string | string[] | undefined>) => {
    try {
      scopes.push(checkSignature({ method, target, headers }, secret));
      return true;
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
      return false;
    }
  };
  serveEndpoint(web, judge);
  serveWebSocket(web, judge, aedes);
  const proxy = createHttpServer();
  proxy.on("connect", (request, near: Socket) => {
    connects.push(request.url ?? "");
    const [host = "", port] = (request.url ?? "").split(":");
    const far = connect({
      host: "127.0.0.1",
      port: names.includes(host) && port === "443" ? portOf(web) : Number(port),
    });
    far.once("connect", () => near.write("HTTP/1.1 200 OK\r\n\r\n"));
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
      socket.pipe(other);
    }
  });
  const servers: readonly Server[] = [alpn, web, proxy];
  for (const each of servers) {
    each.on(each === web ? "secureConnection" : "connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => sockets.delete(socket));
    });
    each.listen(0, "127.0.0.1");
    await once(each, "listening");
  }
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    ca: file("ca.pem", authority.certificate),
    cert: file("device.pem", device.certificate),
    key: file("device.key", device.privateKey),
    alpnPort: portOf(alpn),
    webSocketPort: portOf(web),
    webProxyPort: portOf(proxy),
    scopes,
    refusals,
    connects,
    notify: (thing, payload) =>
      new Promise((resolve, reject) => {
        const topic = notifyTopic(thing);
        aedes.publish({ cmd: "publish", topic, payload, qos: 1, retain: false, dup: false }, (error) =>
          error ? reject(error) : resolve(),
        );
      }),
    cut,
    [Symbol.asyncDispose]: async () => {
      for (const each of servers) each.close();
      cut();
      await new Promise<void>((resolve) => aedes.close(resolve));
      dir[Symbol.dispose]();
    },
  };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

type Judge = (
  method: string,
  target: string,
  headers: Record<string, string | string[] | undefined>,
) => boolean;

function serveEndpoint(web: HttpsServer, judge: Judge): void {
  web.on("request", (request, response) => {
    const target = request.url ?? "";
    const isRight =
      judge("GET", target, request.headers) && target === "/endpoint?endpointType=iot%3AData-ATS";
    response.writeHead(isRight ? 200 : 403, { "content-type": "application/json" });
    response.end(JSON.stringify(isRight ? { endpointAddress: DATA_HOST } : { message: "no" }));
  });
}

function serveWebSocket(web: HttpsServer, judge: Judge, aedes: Aedes): void {
  const upgrades = new WebSocketServer({ noServer: true });
  web.on("upgrade", (request, socket: Socket, head) => {
    const target = request.url ?? "";
    const offered = request.headers["sec-websocket-protocol"];
    if (!target.startsWith("/mqtt?") || offered !== "mqtt" || !judge("GET", target, request.headers)) {
      socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    upgrades.handleUpgrade(
      request,
      socket,
      head,
      (webSocket) => void aedes.handle(createWebSocketStream(webSocket)),
    );
  });
}
