import { isNumber, isText, listOf, oneOf, orAbsent, readJson, shapeOf } from "../base/shape.ts";
import type { ConnectionStatus } from "../proxy/facts.ts";
import type { ProcessStatus, RecentEvent, SessionStatus } from "../proxy/status.ts";

/** A status is smaller than this; more without a line end is no status. */
export const MAX_LINE_LENGTH = 1024 * 1024;

/**
 * A line of the status socket of process `pid`; undefined for what is none, or what another version of this program
 * wrote. Never throws.
 */
export function parseStatus(line: string, pid: number): ProcessStatus | undefined {
  const status = readJson<ProcessStatus>(line, isProcess);
  return status?.pid === pid ? status : undefined;
}

const isConnection = shapeOf<ConnectionStatus>({
  connectionId: isNumber,
  service: isText,
  openedAt: isNumber,
  isHeld: orAbsent((value) => typeof value === "boolean"),
  bytesToTunnel: isNumber,
  bytesFromTunnel: isNumber,
});

const isSession = shapeOf<SessionStatus>({
  id: isText,
  mode: oneOf("source", "destination"),
  tunnelId: orAbsent(isText),
  thing: orAbsent(isText),
  services: listOf(isText),
  link: oneOf("connecting", "connected", "disconnected"),
  roundTripMs: orAbsent(isNumber),
  endToEndMs: orAbsent(isNumber),
  queuedBytes: isNumber,
  reconnects: isNumber,
  listening: listOf(isText),
  openConnections: isNumber,
  heldConnections: orAbsent(isNumber),
  connections: listOf(isConnection),
  bytesToTunnel: isNumber,
  bytesFromTunnel: isNumber,
});

const isProcess = shapeOf<ProcessStatus>({
  version: oneOf(1),
  pid: isNumber,
  command: isText,
  startedAt: isNumber,
  sessions: listOf(isSession),
  recent: listOf(shapeOf<RecentEvent>({ number: isNumber, at: isNumber, text: isText })),
});
