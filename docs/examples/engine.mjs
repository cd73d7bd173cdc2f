// Two proxies without sockets: what one engine sends is handed to the other, and each says what is to be done.
import { Engine } from "tunnel/engine";
import { encodeFrame, MessageType, makeMessage } from "tunnel/protocol";

const options = { entries: () => ["SSH"], hasServiceIds: true, lingerMs: 1_000, random: () => 0.5 };
const source = new Engine("source", options);
const destination = new Engine("destination", options);
const [now, text] = [0, new TextEncoder()];

// The service is the first to speak: it names the services of the tunnel to both sides.
const services = encodeFrame(makeMessage({ type: MessageType.ServiceIds, availableServiceIds: ["SSH"] }));
for (const side of [source, destination]) side.receive(services, now);
console.log(source.drain().map(({ type }) => type).join(" "));

const connection = source.localAccepted("SSH", now);
source.localData(connection, text.encode("hello"));
for (let frame = source.nextFrame(now); frame !== undefined; frame = source.nextFrame(now)) {
  destination.receive(frame, now);
}
for (const output of destination.drain()) {
  if (output.type === "connect") console.log(`dial ${output.connection.serviceId}`);
  if (output.type === "write") console.log(`write "${new TextDecoder().decode(output.bytes)}"`);
}
