import { connect, type Socket } from "node:net";
import type { FileLock } from "../base/file-lock.ts";
import { type Listener, listen, type SocketAddress } from "../net/tcp.ts";
import type { MeetingPoint } from "./meeting-point.ts";
import { OwnTunnel, type OwnTunnelOptions, orAborted } from "./own-tunnel.ts";
import type { ConnectEvent, Listening, TunnelUse } from "./request.ts";
import { failureOf, Sharing } from "./sharing.ts";

export interface OwnerOptions extends OwnTunnelOptions {
  readonly point: MeetingPoint;
  readonly lock: FileLock;
  readonly pid: number;
  /** The process is done but for others: lets go of what it holds, and returns what ends the wait for them. */
  readonly onOthersOnly: () => AbortSignal;
}

/** The first process that uses a tunnel: it runs the source, shares it, and ends with the last of those who joined. */
export class Owner implements TunnelUse {
  readonly tunnelId: string;
  readonly expiresAt: Date;
  readonly over: Promise<void>;
  readonly #options: OwnerOptions;
  readonly #sharing: Sharing;
  readonly #tunnel: OwnTunnel;
  readonly #hand: (socket: Socket) => void;
  readonly #listeners: Listener[] = [];

  private constructor(
    options: OwnerOptions,
    sharing: Sharing,
    tunnel: OwnTunnel,
    hand: (socket: Socket) => void,
  ) {
    this.#options = options;
    this.#sharing = sharing;
    this.#tunnel = tunnel;
    this.#hand = hand;
    this.tunnelId = tunnel.tunnelId;
    this.expiresAt = tunnel.expiresAt;
    this.over = tunnel.over;
    const { tunnelId, expiresAt } = tunnel;
    sharing.carry(hand);
    sharing.tell({ type: "ready", pid: options.pid, tunnelId, expiresAt: expiresAt.toISOString() });
  }

  /** Gets the tunnel to carry. A failure is told to those who joined already; after a signal they go on by themselves. */
  static async start(options: OwnerOptions): Promise<Owner> {
    const { point, lock, signal } = options;
    let sharing: Sharing | undefined;
    try {
      const opened = await Sharing.open(point);
      sharing = opened;
      const tunnel = await OwnTunnel.start({
        ...options,
        onEvent: (event) => tellAll(event, opened, options),
      });
      return new Owner(options, sharing, tunnel, await tunnel.handTo());
    } catch (error) {
      sharing?.close(signal.aborted ? undefined : { type: "failed", ...failureOf(error) });
      lock.release();
      throw error;
    }
  }

  async listen(address: SocketAddress): Promise<Listening> {
    const listener = await listen(address, this.#hand);
    this.#listeners.push(listener);
    return listener;
  }

  dial(): Socket {
    return connect({ path: this.#options.point.streams, allowHalfOpen: true });
  }

  async leave(): Promise<void> {
    for (const listener of this.#listeners) listener.close();
    const end = await this.#waitForOthers();
    this.#sharing.close(end);
    await this.#tunnel.close();
    this.#options.lock.release();
  }

  /** What those who are still there are told: nothing when they were left behind. */
  async #waitForOthers(): Promise<Parameters<Sharing["close"]>[0]> {
    const { onEvent, onOthersOnly } = this.#options;
    const over = this.over.then(
      () => ({ type: "ended" }) as const,
      (error) => ({ type: "failed", ...failureOf(error) }) as const,
    );
    const others = this.#sharing.memberCount;
    if (others > 0) onEvent({ event: "in-use", others });
    const idle = this.#sharing.idle();
    if (others === 0) return Promise.race([over, idle.then(() => undefined)]);
    const stop = orAborted(Promise.race([over, idle.then(() => undefined)]), onOthersOnly());
    return stop.catch(() => ({ type: "ended" }) as const);
  }
}

function tellAll(event: ConnectEvent, sharing: Sharing, { onEvent }: OwnerOptions): void {
  if (event.event === "waiting") sharing.tell({ type: "waiting", for: event.for });
  if (event.event === "opened" || event.event === "reused") sharing.name(event.tunnelId);
  onEvent(event);
}
