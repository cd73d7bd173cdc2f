// A TCP link of limited rate both ways, without a queue of its own.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const TICK_MS = 10;

/** A link to a port of 127.0.0.1. @returns its own port, and its end */
export async function slowLink(target: number, bytesPerSecond: number) {
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (near) => {
    const far = connect({ port: target, host: "127.0.0.1" });
    far.pause();
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
      void pump(from, to, bytesPerSecond);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: close };
}

async function pump(from: Socket, to: Socket, bytesPerSecond: number): Promise<void> {
  for (let due = 0; !from.destroyed; ) {
    await sleep(TICK_MS);
    due = Math.min(due, 0) + (bytesPerSecond * TICK_MS) / 1_000;
    while (due > 0) {
      const chunk: Buffer | null = from.read(Math.min(due, from.readableLength) || undefined);
      if (chunk === null) break;
      due -= chunk.length;
      to.write(chunk);
    }
  }
}
