import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A server on a free port of 127.0.0.1. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly accepted: number;
}

/** An HTTP server; by default it sends back what it is sent. */
export function startHttpServer(
  handler: RequestListener = (request, response) => void request.pipe(response),
): Promise<TestServer> {
  return listen(createHttpServer(handler));
}

/** A TCP server; by default it sends back what it is sent. Half-closed connections stay open. */
export function startTcpServer(
  onConnection: (socket: Socket) => void = (socket) => void socket.pipe(socket),
): Promise<TestServer> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  });
  return listen(server);
}

/** A port of 127.0.0.1 that was free a moment ago, for programs that cannot take port 0. */
export async function freePort(): Promise<number> {
  await using server = await startTcpServer();
  return server.port;
}

/** Starts a server on a free port of 127.0.0.1; its connections end with it. */
export async function listen(server: Server): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port,
    get accepted() {
      return accepted;
    },
    [Symbol.asyncDispose]: stop,
  };
}
