// A data plane that ends a WebSocket as soon as HELLO is said on it, as no service is known to do. It plays the other
// end as well: a source of ours that opens connections, or a destination of ours that answers.
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { createAuthority, issueServerCertificate } from "../../src/emulator/certificates/authority.ts";
import { CONTROL_CONNECTION_ID, encodeControl } from "../../src/protocol/control.ts";
import { decodeControl } from "../../src/protocol/control-reader.ts";
import { FrameSplitter } from "../../src/protocol/frame.ts";
import {
  decodeFrame,
  encodeFrame,
  type Message,
  MessageType,
  makeMessage,
} from "../../src/protocol/message.ts";
import { tempDir } from "./temp-dir.ts";

/** A stream id of a source of ours (P21). */
const OURS = 2_097_164;
const HELLO = { version: 1, features: 0, session: new Uint8Array(16).fill(7), window: 16_384, required: 0 };

export interface HelloCutter extends AsyncDisposable {
  /** Options that lead a proxy here. */
  readonly args: readonly string[];
  /** WebSockets so far, and those on which HELLO was said. */
  readonly webSockets: number;
  readonly hellos: number;
  /** Connections that the other end was asked for, or that were opened to it. */
  readonly connections: number;
}

/** @param closeCode of the close frame; 0: the WebSocket is cut without one */
export async function startHelloCutter(closeCode: number): Promise<HelloCutter> {
  const dir = tempDir();
  const authority = await createAuthority(["localhost"], Date.now());
  const leaf = await issueServerCertificate(authority, { names: ["localhost"], addresses: [] }, Date.now());
  const ca = join(dir.path, "ca.pem");
  writeFileSync(ca, authority.certificate);
  const https = createServer({ cert: leaf.certificate, key: leaf.privateKey });
  const server = new WebSocketServer({ server: https, handleProtocols: () => "aws.iot.securetunneling-3.0" });
  const counts = { webSockets: 0, hellos: 0, connections: 0 };
  server.on("connection", (webSocket, request) => {
    counts.webSockets += 1;
    webSocket.on("error", () => {});
    const splitter = new FrameSplitter();
    const send = (message: Message) => webSocket.send(encodeFrame(message));
    send(makeMessage({ type: MessageType.ServiceIds, availableServiceIds: ["SSH"] }));
    const isSource = request.url?.includes("source") === true;
    if (!isSource) {
      send(makeMessage({ type: MessageType.StreamStart, streamId: OURS, serviceId: "SSH", connectionId: 1 }));
    }
    webSocket.on("message", (bytes: Buffer) => {
      for (const frame of splitter.push(bytes)) {
        const { type, streamId, connectionId, payload } = decodeFrame(frame.slice());
        if (type === MessageType.StreamStart) {
          counts.connections += 1;
          const hello = encodeControl({ hello: HELLO });
          const ids = { streamId, serviceId: "SSH", connectionId: CONTROL_CONNECTION_ID };
          send(makeMessage({ type: MessageType.Data, payload: hello, ...ids }));
        }
        const isControl = connectionId === CONTROL_CONNECTION_ID && type === MessageType.Data;
        if (!isControl || decodeControl(payload)?.hello === undefined) continue;
        counts.hellos += 1;
        if (closeCode === 0) webSocket.terminate();
        else webSocket.close(closeCode);
      }
    });
  });
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  const { port } = https.address() as AddressInfo;
  return {
    args: ["--proxy-endpoint", `localhost:${port}`, "--ca", ca, "--region", "us-east-1"],
    get webSockets() {
      return counts.webSockets;
    },
    get hellos() {
      return counts.hellos;
    },
    get connections() {
      return counts.connections;
    },
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate();
      server.close();
      https.close();
      dir[Symbol.dispose]();
    },
  };
}
