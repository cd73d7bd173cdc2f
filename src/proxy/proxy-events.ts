// What a carrier and its local sockets tell, as events of a proxy.

import { escapeControl } from "../base/escape.ts";
import type { EngineEvent } from "../engine/output.ts";
import type { LocalSocket } from "./local-socket.ts";
import type { ProxyEvent } from "./options.ts";

type Fate = Extract<EngineEvent, { type: "held" | "resumed" | "lost" }>;

function isFate(event: EngineEvent): event is Fate {
  return event.type === "held" || event.type === "resumed" || event.type === "lost";
}

/** An engine's event as a proxy tells it. */
export function eventOf(
  event: Exclude<EngineEvent, { type: "dropped" | "pong" }>,
  isLinkDown: boolean,
): ProxyEvent {
  return isFate(event) ? fateOf(event, isLinkDown) : { event: "warning", ...warningOf(event) };
}

/** What became of connections that lost their stream. */
function fateOf(event: Fate, isLinkDown: boolean): ProxyEvent {
  const { serviceId: service, connections } = event;
  switch (event.type) {
    case "held":
      return { event: "connections-held", service, connections, isLinkDown };
    case "resumed":
      return { event: "connections-resumed", service, connections, afterMs: event.afterMs };
    case "lost":
      return { event: "connections-lost", service, connections, reason: event.why };
  }
}

function warningOf(event: Exclude<EngineEvent, { type: "dropped" | "pong" } | Fate>): {
  readonly message: string;
  readonly hint?: string;
} {
  switch (event.type) {
    case "refused":
      return { message: `connection to service "${event.serviceId}" refused: ${event.why}` };
    case "silent":
      return {
        message: `the destination has sent nothing for ${event.forMs / 1_000} s on service "${event.serviceId}"`,
        hint: "if its client is an older one, try --destination-client-type V1; if nothing is connected there, see: tunnel describe",
      };
    case "unready":
      return {
        message: `the service accepted the connection and has said nothing for ${event.forMs / 1_000} s`,
        hint: "is something else than the tunnel service listening there? See: tunnel doctor",
      };
    case "format":
      return {
        message: `the destination speaks V${event.known} (${event.from}): one connection at a time for each service`,
        hint: `--destination-client-type V${event.known} says so from the start`,
      };
  }
}

export function openedEvent({ connection, socket }: LocalSocket): ProxyEvent {
  const { serviceId: service, key: connectionId } = connection;
  const { remoteAddress, remotePort } = socket;
  const peer = remoteAddress === undefined ? {} : { peer: `${remoteAddress}:${remotePort}` };
  return { event: "connection-opened", service, connectionId, ...peer };
}

/** @param reason may have a text of the other end in it: an address of the device */
export function closedEvent(
  { connection, bytesToTunnel, bytesFromTunnel }: LocalSocket,
  reason: string,
): ProxyEvent {
  const { serviceId: service, key: connectionId } = connection;
  const said = { reason: escapeControl(reason), bytesToTunnel, bytesFromTunnel };
  return { event: "connection-closed", service, connectionId, ...said };
}
