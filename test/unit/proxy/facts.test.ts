import { expect, test } from "bun:test";
import { UnreachableError } from "../../../src/base/errors.ts";
import { ProxyRecord } from "../../../src/proxy/facts.ts";

const closed = { event: "connection-closed", service: "SSH", connectionId: 1, reason: "" } as const;

test("a record adds up what its connections carried, over every WebSocket", () => {
  const record = new ProxyRecord();
  record.observe({ event: "connected", channelId: "one", services: ["SSH"] });
  record.observe({ event: "dialled", service: "SSH", address: "::1", port: 22 });
  record.observe({ ...closed, bytesToTunnel: 5, bytesFromTunnel: 7 });
  record.observe({
    event: "disconnected",
    reason: "gone",
    retryInMs: 1,
    heldConnections: 0,
    error: new UnreachableError("gone"),
  });
  record.observe({ event: "connected", channelId: "two", services: ["SSH"] });
  record.observe({ ...closed, bytesToTunnel: 50, bytesFromTunnel: 70 });
  expect(record.facts).toMatchObject({
    link: "connected",
    channelId: "two",
    reconnects: 1,
    dialled: 1,
    bytesToTunnel: 55,
    bytesFromTunnel: 77,
  });
});

test("a record tells where services listen as people write it", () => {
  const record = new ProxyRecord();
  record.observe({ event: "listening", service: "SSH", address: "::1", port: 22 });
  record.observe({ event: "listening", service: "VNC", address: "/run/vnc" });
  expect(record.facts.listening).toEqual(["SSH [::1]:22", "VNC /run/vnc"]);
});
