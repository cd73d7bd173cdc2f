// A device's agent: told of a tunnel by MQTT, it connects by itself, and the operator reaches the device's service.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { text } from "node:stream/consumers";
import { startAgent } from "tunnel/agent";
import { serveLocal } from "tunnel/emulator";
import { openProxy } from "tunnel/proxy";

const device = createServer((socket) => socket.end("this is pump-7\n")).listen(0, "127.0.0.1");
await once(device, "listening");
const service = await serveLocal();
const { region, dataPlane } = service;

const agent = await startAgent({
  thing: "pump-7",
  region,
  dataPlane,
  broker: await service.addThing("pump-7"),
  services: { HELLO: device.address().port },
  stateDirectory: `${service.stateDirectory}/agent`,
});
agent.on("session-ended", ({ reason, bytesToTunnel }) => console.log(`${reason}: ${bytesToTunnel} bytes`));

const tunnel = await service.openTunnel({ services: ["HELLO"], thing: "pump-7" });
await once(agent, "session-connected");
const operator = await openProxy({
  mode: "source",
  dataPlane,
  accessToken: tunnel.sourceAccessToken,
  services: { HELLO: 0 },
});
process.stdout.write(await text(connect(operator.port(), "127.0.0.1")));

for (const each of [operator, agent, service]) await each.close();
device.close();
