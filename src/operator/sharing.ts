import type { Socket } from "node:net";
import process from "node:process";
import { ConfigError, TunnelError } from "../base/errors.ts";
import { PLATFORM, type Platform } from "../base/platform.ts";
import type { Pong } from "../engine/output.ts";
import { listenForOwn } from "../net/own-socket.ts";
import { type Listener, listen, type SocketAddress } from "../net/tcp.ts";
import type { MeetingPoint } from "./meeting-point.ts";
import {
  failureOf,
  type LastWords,
  type MemberMessage,
  type OwnerMessage,
  readMemberMessage,
  receive,
  send,
} from "./messages.ts";

/** Processes that may use one tunnel: far above what a person starts, below what would exhaust file descriptors. */
const MAX_MEMBERS = 256;

/** What members get to know while they wait, and once the tunnel carries. */
type News = Extract<OwnerMessage, { type: "waiting" | "ready" }>;

/** Carries what members bring; see OwnSource. */
interface StreamCarrier {
  take(socket: Socket): void;
  carry(socket: Socket): Promise<unknown>;
  ping(isLoaded: boolean): Promise<Pong>;
}

/** What is done for a member. */
interface Membership {
  readonly listeners: Listener[];
  /** What cuts the last stream short that it dialled, once that has ended. */
  cut?: Promise<unknown>;
  /** Its ping has not been answered yet. */
  isPinging?: boolean;
}

/**
 * Shares the tunnel of this process with others of the same user, the members: tells them how it goes, and listens for
 * them.
 */
export class Sharing implements Disposable {
  readonly #members = new Map<Socket, Membership>();
  /** Who has connected and not said yet what for, or only asks. */
  readonly #visitors = new Set<Socket>();
  readonly #platform: Platform;
  #listener: Listener | undefined;
  #news: News = { type: "waiting", for: "the first connect" };
  #tunnelId: string | undefined;
  #carrier: StreamCarrier | undefined;
  #idle = Promise.withResolvers<void>();
  #isClosed = false;

  private constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** Throws ListenError when the socket cannot be made. The caller holds the meeting point's lock. */
  static async open(point: MeetingPoint, platform: Platform = PLATFORM): Promise<Sharing> {
    const sharing = new Sharing(platform);
    const onSocket = (socket: Socket) => sharing.#onControl(socket);
    sharing.#listener = await listenForOwn(point.control, onSocket, platform);
    return sharing;
  }

  get memberCount(): number {
    return this.#members.size;
  }

  /** When there is no member, now or later. Another one may have come by the time the caller goes on. */
  async idle(): Promise<void> {
    while (this.memberCount > 0) await this.#idle.promise;
  }

  /** Tells every member, and those to come. */
  tell(news: News): void {
    this.#news = news;
    for (const member of this.#members.keys()) send(member, news);
  }

  /** Which tunnel it is, as soon as that is known: nobody may take it for left over. */
  name(tunnelId: string): void {
    this.#tunnelId = tunnelId;
  }

  /** From now on there is somebody who carries. */
  carry(carrier: StreamCarrier): void {
    this.#carrier = carrier;
  }

  /**
   * Nobody can come any more; members are told why, if there is something to tell. A socket that the system accepted
   * but nobody has seen yet is dropped as it comes up: its process looks for another owner.
   */
  close(lastWords?: LastWords): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const visitor of this.#visitors) visitor.destroy();
    this.#listener?.close();
    for (const [member, { listeners }] of this.#members) {
      if (lastWords !== undefined) send(member, lastWords);
      member.end();
      member.unref();
      for (const listener of listeners) listener.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #onControl(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (this.#isClosed) {
      socket.destroy();
      return;
    }
    socket.on("end", () => socket.end());
    socket.on("close", () => this.#onLeave(socket));
    this.#visitors.add(socket);
    receive(
      socket,
      readMemberMessage,
      (message) => this.#onMessage(socket, message),
      () => dismiss(socket, stranger()),
    );
    socket.resume();
  }

  #onMessage(socket: Socket, message: MemberMessage): void {
    if (this.#isClosed) return; // a line that was read along with others
    if (message.type === "status") return void this.#tellStatus(socket);
    if (message.type === "use") return this.#onUse(socket);
    if (message.type === "ping") return void this.#pingFor(socket, message.isLoaded);
    this.#listenFor(socket, message.address).catch((error) =>
      send(socket, { type: "refused", ...failureOf(error) }),
    );
  }

  #onUse(socket: Socket): void {
    if (this.#members.size >= MAX_MEMBERS) {
      return dismiss(socket, new TunnelError("ERR_LIMIT", `${MAX_MEMBERS} others use this tunnel already`));
    }
    this.#visitors.delete(socket);
    this.#members.set(socket, { listeners: [] });
    send(socket, this.#news);
  }

  /** Who asks as a member waits for the end of its last stream: it has seen that already. */
  async #tellStatus(socket: Socket): Promise<void> {
    const cut = await this.#members.get(socket)?.cut;
    const why = cut === undefined ? {} : { cut: failureOf(cut) };
    send(socket, { type: "status", tunnelId: this.#tunnelId, ...why });
  }

  /** A member waits for its pong before it asks again; who does not, or is none, is not heard. */
  async #pingFor(socket: Socket, isLoaded: boolean): Promise<void> {
    const membership = this.#members.get(socket);
    if (this.#carrier === undefined || membership === undefined || membership.isPinging === true) return;
    membership.isPinging = true;
    const pong = await this.#carrier.ping(isLoaded);
    membership.isPinging = false;
    if (!this.#isClosed) send(socket, { type: "pong", pong });
  }

  async #listenFor(socket: Socket, address: SocketAddress): Promise<void> {
    const carrier = this.#carrier;
    if (carrier === undefined) {
      throw new TunnelError("ERR_BUG", "a member asked to listen before the tunnel carries");
    }
    const membership = this.#members.get(socket);
    const onStream = (stream: Socket) => {
      if (address.type === "tcp" || membership === undefined) carrier.take(stream);
      else membership.cut = carrier.carry(stream);
    };
    const listener =
      address.type === "tcp"
        ? await listen(address, onStream)
        : await listenForOwn(address.path, onStream, this.#platform);
    if (membership === undefined || !this.#members.has(socket) || this.#isClosed) return listener.close();
    membership.listeners.push(listener);
    send(socket, { type: "listening", address: listener.address, port: listener.port });
  }

  #onLeave(socket: Socket): void {
    this.#visitors.delete(socket);
    for (const listener of this.#members.get(socket)?.listeners ?? []) listener.close();
    if (!this.#members.delete(socket) || this.#members.size > 0) return;
    this.#idle.resolve();
    this.#idle = Promise.withResolvers<void>();
  }
}

/** Tells somebody why there is nothing to be had, and ends the conversation. */
function dismiss(socket: Socket, error: TunnelError): void {
  send(socket, { type: "failed", ...failureOf(error) });
  socket.end();
}

/** It may be older or newer: neither knows which messages the other one has. */
function stranger(): TunnelError {
  return new ConfigError(`process ${process.pid} carries this tunnel with another version of this program`, {
    hint: "end it, or use the version it is of",
  });
}
