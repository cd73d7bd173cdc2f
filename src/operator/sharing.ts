import type { Socket } from "node:net";
import process from "node:process";
import { ConfigError, TunnelError } from "../base/errors.ts";
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

/**
 * Shares the tunnel of this process with others of the same user, the members: tells them how it goes, listens for
 * them, and takes the streams they dial.
 */
export class Sharing implements Disposable {
  readonly #members = new Map<Socket, Listener[]>();
  /** Who has connected and not said yet what for, or only asks. */
  readonly #visitors = new Set<Socket>();
  readonly #listeners: Listener[] = [];
  #news: News = { type: "waiting", for: "the first connect" };
  #tunnelId: string | undefined;
  #take: ((socket: Socket) => void) | undefined;
  #idle = Promise.withResolvers<void>();
  #isClosed = false;

  /** Throws ListenError when the sockets cannot be made. The caller holds the meeting point's lock. */
  static async open(point: MeetingPoint): Promise<Sharing> {
    const sharing = new Sharing();
    const listenOn = async (path: string, onSocket: (socket: Socket) => void) => {
      sharing.#listeners.push(await listen({ type: "unix", path }, onSocket));
    };
    try {
      await listenOn(point.streams, (socket) => sharing.#onStream(socket));
      await listenOn(point.control, (socket) => sharing.#onControl(socket));
      return sharing;
    } catch (error) {
      sharing.close();
      throw error;
    }
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

  /** From now on streams are carried by `take`. */
  carry(take: (socket: Socket) => void): void {
    this.#take = take;
  }

  /**
   * Nobody can come any more; members are told why, if there is something to tell. A socket that the system accepted
   * but nobody has seen yet is dropped as it comes up: its process looks for another owner.
   */
  close(lastWords?: LastWords): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const visitor of this.#visitors) visitor.destroy();
    for (const listener of this.#listeners) listener.close();
    for (const [member, listeners] of this.#members) {
      if (lastWords !== undefined) send(member, lastWords);
      member.end();
      member.unref();
      for (const listener of listeners) listener.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #onStream(socket: Socket): void {
    if (this.#take === undefined || this.#isClosed) socket.destroy();
    else this.#take(socket);
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
    if (message.type === "status") return send(socket, { type: "status", tunnelId: this.#tunnelId });
    if (message.type === "use") return this.#onUse(socket);
    this.#listenFor(socket, message.address).catch((error) =>
      send(socket, { type: "refused", ...failureOf(error) }),
    );
  }

  #onUse(socket: Socket): void {
    if (this.#members.size >= MAX_MEMBERS) {
      return dismiss(socket, new TunnelError("ERR_LIMIT", `${MAX_MEMBERS} others use this tunnel already`));
    }
    this.#visitors.delete(socket);
    this.#members.set(socket, []);
    send(socket, this.#news);
  }

  async #listenFor(socket: Socket, address: SocketAddress): Promise<void> {
    const take = this.#take;
    if (take === undefined) {
      throw new TunnelError("ERR_BUG", "a member asked to listen before the tunnel carries");
    }
    const listener = await listen(address, take);
    const listeners = this.#members.get(socket);
    if (listeners === undefined || this.#isClosed) return listener.close();
    listeners.push(listener);
    send(socket, { type: "listening", address: listener.address, port: listener.port });
  }

  #onLeave(socket: Socket): void {
    this.#visitors.delete(socket);
    for (const listener of this.#members.get(socket) ?? []) listener.close();
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
