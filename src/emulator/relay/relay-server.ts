import { randomBytes } from "node:crypto";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Logger } from "../../base/log.ts";
import { gateOf, type TlsGate } from "../../net/tls-gate.ts";
import {
  CHANNEL_ID_HEADER,
  MAX_WEBSOCKET_FRAME_BYTES,
  STATUS_REASON_HEADER,
  SUBPROTOCOLS,
} from "../../protocol/constants.ts";
import { describeMessage } from "../../protocol/message.ts";
import type { FaultPlan, LinkFaults } from "../faults/fault-plan.ts";
import type { Rate } from "../faults/pace.ts";
import { refuseUpgradeRequest } from "../server/strict-http.ts";
import type { Admission } from "../tunnels/admission.ts";
import type { Tunnels } from "../tunnels/tunnels.ts";
import { endUpgrade } from "./end-upgrade.ts";
import { type Handshake, readHandshake } from "./handshake.ts";
import { Peer } from "./peer.ts";
import { otherSide, Relay, type RelayOutput, type Side } from "./relay.ts";

/** Close codes of the relay (P8). */
const CLOSED = 1000;
const POLICY = 1008;
const UNSUPPORTED_TEXT = 1003;
const RULE_BROKEN = 1002;

/** One tunnel with somebody connected. */
interface Room {
  readonly tunnelId: string;
  readonly relay: Relay;
  readonly peers: Map<Side, Peer>;
  /** What bounds the bytes of both sides together, on purpose. */
  readonly rates: readonly Rate[];
}

/** A handshake that waits for the last word about it. */
interface Offer {
  readonly handshake: Extract<Handshake, { type: "accepted" }>;
  readonly socket: Duplex;
  admission?: Extract<Admission, { type: "admitted" }>;
}

/** What the relay stands on, and whom it lets in. */
export interface RelayOptions {
  readonly tunnels: Tunnels;
  /** Origins from which browsers may connect with a cookie, besides the emulator's own. */
  readonly allowOrigins: readonly string[];
  readonly faults: FaultPlan;
  readonly log: Logger;
}

/** The data plane: upgrades requests, and joins the two WebSockets of each tunnel through its Relay. */
export class RelayServer {
  readonly #options: RelayOptions;
  readonly #rooms = new Map<string, Room>();
  readonly #unsubscribe: () => void;
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_WEBSOCKET_FRAME_BYTES,
    handleProtocols: (offered) => SUBPROTOCOLS.find((known) => offered.has(known)) ?? false,
    verifyClient: ({ req }, accept: (isGood: boolean) => void) => this.#admit(req, () => accept(true)),
  });
  /** Handshakes that are good in every way that needs no token, until `ws` has judged them too. */
  readonly #offers = new WeakMap<IncomingMessage, Offer>();
  #isClosed = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#unsubscribe = options.tunnels.onEvent((event) => {
      if (event.type === "closed") this.#closeRoom(event.tunnelId, CLOSED, `Tunnel is ${event.reason}`);
      if (event.type === "rotated") {
        for (const side of event.modes) this.#closePeer(event.tunnelId, side, "The access token was rotated");
      }
    });
    this.#webSockets.on("wsClientError", (error, socket, request) =>
      this.#refuse(request, socket, 400, error.message),
    );
    this.#webSockets.on("headers", (headers, request) =>
      headers.push(`${CHANNEL_ID_HEADER}: ${channelIdOf(request)}`),
    );
  }

  /** Takes an upgrade request whose Host is already known to be ours. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = refuseUpgradeRequest(request);
    if (refusal !== undefined) return this.#refuse(request, socket, refusal.status, refusal.reason);
    const handshake = readHandshake(
      { url: request.url ?? "", rawHeaders: request.rawHeaders },
      this.#options.allowOrigins,
    );
    if (handshake.type === "refused") {
      return this.#refuse(request, socket, handshake.status, handshake.reason);
    }
    const offer: Offer = { handshake, socket };
    this.#offers.set(request, offer);
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      if (offer.admission !== undefined) this.#join(offer.admission, handshake, webSocket, gateOf(socket));
    });
  }

  /**
   * The last step before the answer 101, so that a handshake which is refused for another reason, by `ws` for instance,
   * uses up no token (P2).
   */
  #admit(request: IncomingMessage, accept: () => void): void {
    const offer = this.#offers.get(request);
    if (offer === undefined) return;
    const { handshake, socket } = offer;
    if (this.#isClosed) return this.#refuse(request, socket, 503, "The service is stopping");
    // Nobody would hear the answer.
    if (!socket.readable || !socket.writable) return void socket.destroy();
    const refusal = this.#options.faults.refuseHandshake();
    if (refusal !== undefined) return this.#refuse(request, socket, refusal.status, refusal.reason);
    const admission = this.#options.tunnels.admit({ ...handshake, mode: handshake.side });
    if (admission.type === "refused") {
      return this.#refuse(request, socket, admission.status, admission.reason);
    }
    offer.admission = admission;
    accept();
  }

  /** Drops every WebSocket without a close frame, so that clients come back to the next start. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    for (const room of this.#rooms.values()) {
      for (const [side, peer] of room.peers) {
        // Forgotten first: its end comes later, when there may be no store any more to note it in.
        room.peers.delete(side);
        this.#options.tunnels.disconnected(room.tunnelId, side);
        peer.terminate();
      }
    }
    this.#webSockets.close();
  }

  #join(
    { tunnelId, services }: Extract<Admission, { type: "admitted" }>,
    { side, subprotocol }: Extract<Handshake, { type: "accepted" }>,
    webSocket: WebSocket,
    gate: TlsGate | undefined,
  ): void {
    const room = this.#rooms.get(tunnelId) ?? this.#makeRoom(tunnelId);
    room.peers.get(side)?.close(POLICY, "Another local proxy connected with the same access token");
    const { delayMs, end } = this.#options.faults.link();
    const limits = delayMs > 0 || room.rates.length > 0 ? { delayMs, rates: room.rates } : undefined;
    const handlers = {
      onBytes: (bytes: Uint8Array) => this.#onBytes(room, side, peer, bytes),
      onText: () => peer.close(UNSUPPORTED_TEXT, "Text frames are not part of the protocol"),
      onRoom: () => this.#release(room),
      onClose: () => this.#onClose(room, side, peer),
    };
    const peer: Peer = new Peer(webSocket, handlers, { gate, limits });
    if (end !== undefined) endLater(peer, webSocket, end);
    room.peers.set(side, peer);
    this.#release(room);
    this.#options.tunnels.connected(tunnelId, side);
    this.#options.log.info(`${side} of tunnel ${tunnelId} connected`);
    room.relay.join(side, services, subprotocol !== SUBPROTOCOLS.at(-1));
    this.#carryOut(room);
  }

  #makeRoom(tunnelId: string): Room {
    const rates = this.#options.faults.tunnelRates();
    const room = { tunnelId, relay: new Relay(), peers: new Map<Side, Peer>(), rates };
    this.#rooms.set(tunnelId, room);
    return room;
  }

  #onBytes(room: Room, side: Side, peer: Peer, bytes: Uint8Array): void {
    if (room.peers.get(side) !== peer) return;
    room.relay.receive(side, bytes);
    this.#proceed(room, side, peer);
  }

  /** Carries out what follows from a side's bytes, for as long as both sides have room for it. */
  #proceed(room: Room, side: Side, peer: Peer): void {
    let isAnswered = false;
    for (;;) {
      const outputs = this.#carryOut(room);
      // A side that takes no answers to what it sends is not read either.
      isAnswered ||= outputs.some((output) => output.type === "send" && output.to === side);
      if (room.peers.get(otherSide(side))?.isFull || (isAnswered && peer.isFull)) return peer.setHeld(true);
      if (!room.relay.isBehind(side) || peer.isClosing) return;
      room.relay.proceed(side);
    }
  }

  #carryOut(room: Room): readonly RelayOutput[] {
    const outputs = room.relay.drain();
    for (const output of outputs) this.#carryOutOne(room, output);
    return outputs;
  }

  #carryOutOne(room: Room, output: RelayOutput): void {
    switch (output.type) {
      case "send":
        return room.peers.get(output.to)?.send(output.bytes);
      case "close":
        this.#options.log.warn(
          `${output.side} of tunnel ${room.tunnelId} broke a rule: ${output.error.message}`,
        );
        return room.peers.get(output.side)?.close(RULE_BROKEN, output.error.message);
      case "dropped":
        return this.#logDropped(output);
    }
  }

  /** A flood of them must not be put into words for nobody. */
  #logDropped({ from, message, why }: Extract<RelayOutput, { type: "dropped" }>): void {
    const { log } = this.#options;
    if (log.isEnabledFor("debug")) log.debug(`dropped from ${from}: ${describeMessage(message)}: ${why}`);
  }

  /** Each side is read again whose bytes the other side has room for; what it has sent already comes first. */
  #release(room: Room): void {
    for (const [side, peer] of room.peers) {
      if (room.peers.get(otherSide(side))?.isFull) continue;
      const isBehind = room.relay.isBehind(side);
      if (isBehind && peer.isFull) continue;
      peer.setHeld(false);
      if (isBehind) this.#proceed(room, side, peer);
    }
  }

  #onClose(room: Room, side: Side, peer: Peer): void {
    if (room.peers.get(side) !== peer) return;
    room.peers.delete(side);
    this.#release(room);
    room.relay.leave(side);
    this.#carryOut(room);
    if (room.peers.size === 0) this.#rooms.delete(room.tunnelId);
    this.#options.tunnels.disconnected(room.tunnelId, side);
    this.#options.log.info(`${side} of tunnel ${room.tunnelId} disconnected`);
  }

  #closeRoom(tunnelId: string, code: number, reason: string): void {
    for (const peer of this.#rooms.get(tunnelId)?.peers.values() ?? []) peer.close(code, reason);
  }

  #closePeer(tunnelId: string, side: Side, reason: string): void {
    this.#rooms.get(tunnelId)?.peers.get(side)?.close(POLICY, reason);
  }

  /** The sentence goes into the body, where the reference proxy prints it from, and into a header (P7). */
  #refuse(request: IncomingMessage, socket: Duplex, status: number, reason: string): void {
    this.#options.log.info(`refused a local proxy with status ${status}: ${reason}`);
    endUpgrade(
      socket,
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
        `${CHANNEL_ID_HEADER}: ${channelIdOf(request)}\r\n${STATUS_REASON_HEADER}: ${reason}\r\n` +
        `Content-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(reason)}\r\nConnection: close\r\n\r\n${reason}`,
    );
  }
}

/** Ends a connection on purpose. */
function endLater(peer: Peer, webSocket: WebSocket, end: NonNullable<LinkFaults["end"]>): void {
  const timer = setTimeout(() => {
    if (end.code === undefined) peer.terminate();
    else peer.close(end.code, "Closed on purpose: --fault close");
  }, end.afterMs);
  webSocket.once("close", () => clearTimeout(timer));
}

const channelIds = new WeakMap<IncomingMessage, string>();

/** One id a request, in the shape of the service's own: hexadecimal digits in groups of 16, 8, 8, 16 and 8. */
function channelIdOf(request: IncomingMessage): string {
  const known = channelIds.get(request);
  if (known !== undefined) return known;
  const channelId = [8, 4, 4, 8, 4].map((size) => randomBytes(size).toString("hex")).join("-");
  channelIds.set(request, channelId);
  return channelId;
}
