import type { Socket } from "node:net";
import { type Listener, listen, type SocketAddress } from "../net/tcp.ts";

/** Sockets accepted while the link is down that wait for it. */
const MAX_PARKED = 128;

interface Parked {
  readonly serviceId: string;
  readonly socket: Socket;
}

/**
 * The source's listeners. They outlive the WebSocket: what is accepted while the link is down is parked and
 * delivered when it is back.
 */
export class Listeners {
  readonly #byService = new Map<string, Promise<Listener>>();
  #isClosed = false;
  #parked: Parked[] = [];
  #accept: ((serviceId: string, socket: Socket) => void) | undefined;

  /**
   * Listens for a service, once; a second call for it waits for the first.
   * @returns undefined when it was listened for already
   * @throws ListenError
   */
  async open(serviceId: string, address: SocketAddress): Promise<Listener | undefined> {
    const known = this.#byService.get(serviceId);
    if (known !== undefined) {
      await known;
      return undefined;
    }
    const opening = listen(address, (socket) => this.take(serviceId, socket));
    this.#byService.set(serviceId, opening);
    const listener = await opening;
    if (this.#isClosed) listener.close();
    return listener;
  }

  /** From now on sockets go to `accept`; undefined parks them. */
  deliverTo(accept: ((serviceId: string, socket: Socket) => void) | undefined): void {
    this.#accept = accept;
    if (accept === undefined) return;
    const parked = this.#parked;
    this.#parked = [];
    for (const { serviceId, socket } of parked) if (!socket.destroyed) accept(serviceId, socket);
  }

  close(): void {
    this.#isClosed = true;
    for (const opening of this.#byService.values()) {
      // One that could not be opened has been told of.
      opening.then((listener) => listener.close()).catch(() => {});
    }
    for (const { socket } of this.#parked) socket.destroy();
  }

  /** Delivers a connected socket, half-open and paused, or parks it while the link is down. */
  take(serviceId: string, socket: Socket): void {
    if (this.#accept !== undefined) return this.#accept(serviceId, socket);
    this.#parked = this.#parked.filter((parked) => !parked.socket.destroyed);
    if (this.#parked.length >= MAX_PARKED) {
      socket.destroy();
      return;
    }
    // Without a listener an error on a parked socket would end the process.
    socket.on("error", () => socket.destroy());
    this.#parked.push({ serviceId, socket });
  }
}
