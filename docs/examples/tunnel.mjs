// A tunnel with both of its ends, through the service on this machine: bytes over TCP, there and back.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { serveLocal } from "tunnel/emulator";
import { openProxy } from "tunnel/proxy";

const echo = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
await once(echo, "listening");
const service = await serveLocal();
const { dataPlane } = service;
const tunnel = await service.openTunnel({ services: ["ECHO"] });
const device = await openProxy({ dataPlane, mode: "destination", accessToken: tunnel.destinationAccessToken, services: { ECHO: echo.address().port } });
const operator = await openProxy({ dataPlane, mode: "source", accessToken: tunnel.sourceAccessToken, services: { ECHO: 0 } });
console.log(await text(connect(operator.port("ECHO"), "127.0.0.1").end("hello through the tunnel")));
for (const each of [operator, device, service]) await each.close();
echo.close();
