import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError, TunnelError } from "../base/errors.ts";
import { PLATFORM, type Platform } from "../base/platform.ts";
import type { Pong } from "../engine/output.ts";
import { dialOwn } from "../net/own-socket.ts";
import type { SocketAddress } from "../net/tcp.ts";
import { dialStream, ownerGone } from "./dial-stream.ts";
import type { MeetingPoint } from "./meeting-point.ts";
import {
  type Failure,
  type MemberMessage,
  type OwnerMessage,
  readOwnerMessage,
  receive,
  send,
} from "./messages.ts";
import {
  type Listening,
  type TunnelEnd,
  type TunnelStream,
  type TunnelUse,
  throwIfFailed,
} from "./request.ts";

/** An owner that does not answer a question in this time is not asked again. */
const ANSWER_MS = 1_000;
/** The same where it may have to wait first for its tunnel's end. */
const CUT_MS = 5_000;

type Said<T extends OwnerMessage["type"]> = Extract<OwnerMessage, { type: T }>;

/** A process that uses the tunnel of another one on this machine. */
export class Member implements TunnelUse, Disposable {
  readonly tunnelId: string;
  readonly expiresAt: Date;
  /** Process id of the owner. */
  readonly pid: number;
  readonly ended: Promise<TunnelEnd>;
  readonly #control: Control;
  readonly #point: MeetingPoint;
  readonly #platform: Platform;

  private constructor(control: Control, point: MeetingPoint, ready: Said<"ready">, platform: Platform) {
    this.#control = control;
    this.#point = point;
    this.#platform = platform;
    this.tunnelId = ready.tunnelId;
    this.expiresAt = new Date(ready.expiresAt);
    this.pid = ready.pid;
    this.ended = control.ended.then((end) =>
      end.type === "gone" ? { type: "failed", error: ownerGone() } : end,
    );
  }

  /**
   * Joins the owner at a meeting point, once its tunnel carries. Undefined when there is none, or it went away before.
   * Throws what the owner failed with, and the signal's reason.
   */
  static async join(
    point: MeetingPoint,
    onWaiting: (what: string) => void,
    signal: AbortSignal,
    platform: Platform = PLATFORM,
  ): Promise<Member | undefined> {
    const control = await Control.open(point.control, platform);
    if (control === undefined) return undefined;
    const stop = () => control[Symbol.dispose]();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const answer = await control.ask({ type: "use" }, (message) => {
        if (message.type === "waiting") onWaiting(message.for);
        return message.type === "ready" ? message : undefined;
      });
      signal.throwIfAborted();
      if (answer.type === "ready") return new Member(control, point, answer, platform);
      if (answer.type !== "gone") throwIfFailed(answer);
      return undefined;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /**
   * The owner listens for us. Were the sockets accepted here and carried over Unix sockets, a connection that the tunnel
   * lost would look like one that came to its end: those know no reset.
   */
  async listen(address: SocketAddress): Promise<Listening> {
    const answer = await this.#control.ask({ type: "listen", address }, (message) =>
      message.type === "listening" || message.type === "refused" ? message : undefined,
    );
    if (answer.type === "listening") return answer;
    if (answer.type === "refused") throw errorOf(answer);
    throwIfFailed(await this.ended);
    throw ownerGone();
  }

  async dial(): Promise<TunnelStream> {
    const socket = await dialStream(this.#point, (address) => this.listen(address), this.#platform);
    return { socket, whyCut: () => this.#whyCut() };
  }

  async ping(isLoaded: boolean): Promise<Pong> {
    const answer = await this.#control.ask({ type: "ping", isLoaded }, (message) =>
      message.type === "pong" ? message.pong : undefined,
    );
    if ("outcome" in answer) return answer;
    throwIfFailed(await this.ended);
    throw ownerGone();
  }

  /** Asks the owner, who knows. One that has gone without a word cuts its streams short as well. */
  async #whyCut(): Promise<unknown> {
    const asked = this.#control.ask({ type: "status" }, (message) =>
      message.type === "status" ? message : undefined,
    );
    const answer = await Promise.race([asked, sleep(CUT_MS, undefined, { ref: false })]);
    if (answer === undefined || answer.type === "gone") return ownerGone();
    if (answer.type === "status") return answer.cut && errorOf(answer.cut);
    return answer.type === "failed" || answer.type === "taken" ? answer.error : undefined;
  }

  [Symbol.dispose](): void {
    this.#control[Symbol.dispose]();
  }
}

/**
 * What the owner behind a control socket has: its tunnel's id, or none yet, which it is also when it does not say.
 * Undefined when there is no owner.
 */
export async function tunnelOf(
  path: string,
): Promise<{ readonly tunnelId?: string | undefined } | undefined> {
  using control = await Control.open(path, PLATFORM);
  if (control === undefined) return undefined;
  const answer = control.ask({ type: "status" }, (message) =>
    message.type === "status" ? message : undefined,
  );
  const said = await Promise.race([answer, sleep(ANSWER_MS, undefined, { ref: false })]);
  return said?.type === "status" ? said : {};
}

/** The owner went without a word, or the conversation was ended here. */
interface Gone {
  readonly type: "gone";
}

/** The conversation with an owner. */
class Control implements Disposable {
  readonly ended: Promise<TunnelEnd | Gone>;
  readonly #socket: Socket;
  readonly #ended = Promise.withResolvers<TunnelEnd | Gone>();
  #onAnswer: (message: OwnerMessage) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.ended = this.#ended.promise;
    receive(
      socket,
      readOwnerMessage,
      (message) => this.#onMessage(message),
      () => this.#onStranger(),
    );
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.end());
    socket.on("close", () => this.#ended.resolve({ type: "gone" }));
    socket.resume();
  }

  static async open(path: string, platform: Platform): Promise<Control | undefined> {
    const socket = await dialOwn(path, platform).catch(() => undefined);
    return socket && new Control(socket);
  }

  /** Asks, and gives the first message that `pick` takes for the answer, or the end that came before it. */
  async ask<T>(
    question: MemberMessage,
    pick: (message: OwnerMessage) => T | undefined,
  ): Promise<T | TunnelEnd | Gone> {
    const answered = Promise.withResolvers<T>();
    this.#onAnswer = (message) => {
      const answer = pick(message);
      if (answer !== undefined) answered.resolve(answer);
    };
    send(this.#socket, question);
    return Promise.race([answered.promise, this.ended]);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #onMessage(message: OwnerMessage): void {
    if (message.type === "failed") this.#ended.resolve({ type: "failed", error: errorOf(message) });
    else if (message.type === "ended") this.#ended.resolve({ type: "closed" });
    else this.#onAnswer(message);
  }

  #onStranger(): void {
    const error = new ConfigError(
      "the tunnel connect that carries this tunnel is of another version of this program",
      { hint: "end it, or use the version it is of" },
    );
    this.#ended.resolve({ type: "failed", error });
    this.#socket.destroy();
  }
}

function errorOf(said: Failure): TunnelError {
  return new TunnelError(said.code, said.message, said);
}
