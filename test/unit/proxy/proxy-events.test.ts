import { expect, test } from "bun:test";
import { Socket } from "node:net";
import { LocalSocket } from "../../../src/proxy/local-socket.ts";
import { closedEvent } from "../../../src/proxy/proxy-events.ts";

const HANDLERS = { onData: () => {}, onEnd: () => {}, onClose: () => {}, onRoom: () => {} };

test("an address that the other end said does nothing to a terminal (P97)", () => {
  const local = new LocalSocket({ key: 3, serviceId: "SSH" }, new Socket(), HANDLERS);
  const why = "closed by the destination: connection refused by /run/\u001b[2J\u202eapp on the device";
  expect(closedEvent(local, why)).toEqual({
    event: "connection-closed",
    service: "SSH",
    connectionId: 3,
    reason: "closed by the destination: connection refused by /run/\\u001b[2J\\u202eapp on the device",
    bytesToTunnel: 0,
    bytesFromTunnel: 0,
  });
  local.socket.destroy();
});
