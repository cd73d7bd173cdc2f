import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TunnelError, UnreachableError } from "../base/errors.ts";
import type { SocketAddress } from "../net/tcp.ts";
import type { MeetingPoint } from "./meeting-point.ts";
import { type OwnerMessage, readOwnerMessage, receive, send } from "./messages.ts";
import type { Listening, TunnelUse } from "./request.ts";

/** An owner that does not answer a question in this time is not asked again. */
const ANSWER_MS = 1_000;

type Ready = Extract<OwnerMessage, { type: "ready" }>;

/** A process that uses the tunnel of another one on this machine. */
export class Member implements TunnelUse {
  readonly tunnelId: string;
  readonly expiresAt: Date;
  /** Process id of the owner. */
  readonly pid: number;
  readonly over: Promise<void>;
  readonly #control: Control;
  readonly #point: MeetingPoint;

  private constructor(control: Control, point: MeetingPoint, ready: Ready) {
    this.#control = control;
    this.#point = point;
    this.tunnelId = ready.tunnelId;
    this.expiresAt = new Date(ready.expiresAt);
    this.pid = ready.pid;
    this.over = control.over;
  }

  /**
   * Joins the owner at a meeting point, once its tunnel carries. Undefined when there is none, or it went away before.
   * Throws what the owner failed with, and the signal's reason.
   */
  static async join(
    point: MeetingPoint,
    onWaiting: (what: string) => void,
    signal: AbortSignal,
  ): Promise<Member | undefined> {
    const control = await Control.open(point.control);
    if (control === undefined) return undefined;
    const stop = () => control.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const ready = await control.use(onWaiting);
      signal.throwIfAborted();
      return ready === undefined ? undefined : new Member(control, point, ready);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async listen(address: SocketAddress): Promise<Listening> {
    return this.#control.listen(address);
  }

  dial(): Socket {
    return connect({ path: this.#point.streams, allowHalfOpen: true });
  }

  async leave(): Promise<void> {
    this.#control.close();
  }
}

/** What the owner behind a control socket has: its tunnel's id, or "none yet"; undefined when there is no owner. */
export async function tunnelOf(path: string): Promise<string | undefined> {
  const control = await Control.open(path);
  try {
    return control === undefined ? undefined : ((await control.status()) ?? NONE_YET);
  } finally {
    control?.close();
  }
}

/** In place of a tunnel id: no id has a space. */
export const NONE_YET = "none yet";

class Control {
  readonly over: Promise<void>;
  readonly #socket: Socket;
  readonly #over = Promise.withResolvers<void>();
  readonly #ready = Promise.withResolvers<Ready | undefined>();
  readonly #status = Promise.withResolvers<string | undefined>();
  #listening = Promise.withResolvers<Listening>();
  #onWaiting: (what: string) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.over = this.#over.promise;
    for (const { promise } of [this.#over, this.#ready, this.#listening]) promise.catch(() => {});
    receive(socket, readOwnerMessage, (message) => this.#onMessage(message));
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.end());
    socket.on("close", () => this.#onClose());
  }

  static async open(path: string): Promise<Control | undefined> {
    const opened = Promise.withResolvers<boolean>();
    const socket = connect({ path, allowHalfOpen: true });
    socket.once("connect", () => opened.resolve(true));
    socket.once("error", () => opened.resolve(false));
    return (await opened.promise) ? new Control(socket) : undefined;
  }

  async use(onWaiting: (what: string) => void): Promise<Ready | undefined> {
    this.#onWaiting = onWaiting;
    send(this.#socket, { type: "use" });
    return this.#ready.promise;
  }

  async status(): Promise<string | undefined> {
    send(this.#socket, { type: "status" });
    return Promise.race([this.#status.promise, sleep(ANSWER_MS, undefined, { ref: false })]);
  }

  async listen(address: SocketAddress): Promise<Listening> {
    this.#listening = Promise.withResolvers();
    send(this.#socket, { type: "listen", address });
    return this.#listening.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #onMessage(message: OwnerMessage): void {
    switch (message.type) {
      case "waiting":
        return this.#onWaiting(message.for);
      case "ready":
        return this.#ready.resolve(message);
      case "listening":
        return this.#listening.resolve(message);
      case "status":
        return this.#status.resolve(message.tunnelId);
      case "refused":
        return this.#listening.reject(new TunnelError(message.code, message.message, message));
      case "failed":
        return this.#fail(new TunnelError(message.code, message.message, message));
      case "ended":
        return this.#over.resolve();
    }
  }

  #fail(error: TunnelError): void {
    this.#ready.reject(error);
    this.#listening.reject(error);
    this.#over.reject(error);
  }

  #onClose(): void {
    this.#ready.resolve(undefined);
    this.#status.resolve(undefined);
    this.#fail(new UnreachableError("the tunnel connect that carried this connection has ended"));
  }
}
