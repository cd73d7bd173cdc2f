import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP wire to a port of this machine that can be made bad. */
export class Wire implements AsyncDisposable {
  readonly #server = createServer((near) => this.#join(near));
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #isFrozen = false;

  private constructor(target: number) {
    this.#target = target;
  }

  static async to(target: number): Promise<Wire> {
    const wire = new Wire(target);
    wire.#server.listen(0, "127.0.0.1");
    await once(wire.#server, "listening");
    return wire;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on nothing moves, and nobody is told: an unplugged cable. */
  freeze(): void {
    this.#isFrozen = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** New connections work again; the frozen ones stay as they are, as after a change of network. */
  thaw(): void {
    this.#isFrozen = false;
  }

  /** Ends every connection with RST. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #join(near: Socket): void {
    const far = connect({ port: this.#target, host: "127.0.0.1" });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.on("data", (bytes) => {
        if (!other.write(bytes)) socket.pause();
      });
      socket.on("drain", () => {
        if (!this.#isFrozen) other.resume();
      });
    }
    if (this.#isFrozen) this.freeze();
  }
}
