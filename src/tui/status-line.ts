import type { ConnectionStatus } from "../proxy/facts.ts";
import type { ProcessStatus, RecentEvent, SessionStatus } from "../proxy/status.ts";

/** A status is smaller than this; more without a line end is no status. */
export const MAX_LINE_LENGTH = 1024 * 1024;

/**
 * A line of the status socket of process `pid`; undefined for what is none, or what another version of this program
 * wrote. Never throws.
 */
export function parseStatus(line: string, pid: number): ProcessStatus | undefined {
  try {
    const status: unknown = JSON.parse(line);
    return isStatus(status) && status.pid === pid ? status : undefined;
  } catch {
    return undefined;
  }
}

type Is = (value: unknown) => boolean;

const isText: Is = (value) => typeof value === "string";
const isNumber: Is = (value) => typeof value === "number" && Number.isFinite(value);
const isTextOrAbsent: Is = (value) => value === undefined || isText(value);
const isNumberOrAbsent: Is = (value) => value === undefined || isNumber(value);
const oneOf =
  (...choices: readonly unknown[]): Is =>
  (value) =>
    choices.includes(value);
const listOf =
  (isMember: Is): Is =>
  (value) =>
    Array.isArray(value) && value.every(isMember);

/** What each member has to be. The types make sure that none is forgotten. */
const shapeOf =
  <T>(members: { readonly [Name in keyof Required<T>]: Is }): Is =>
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries<Is>(members).every(([name, isMember]) =>
      isMember((value as Readonly<Record<string, unknown>>)[name]),
    );

const isConnection = shapeOf<ConnectionStatus>({
  connectionId: isNumber,
  service: isText,
  openedAt: isNumber,
  bytesToTunnel: isNumber,
  bytesFromTunnel: isNumber,
});

const isSession = shapeOf<SessionStatus>({
  id: isText,
  mode: oneOf("source", "destination"),
  tunnelId: isTextOrAbsent,
  thing: isTextOrAbsent,
  services: listOf(isText),
  link: oneOf("connecting", "connected", "disconnected"),
  roundTripMs: isNumberOrAbsent,
  queuedBytes: isNumber,
  reconnects: isNumber,
  listening: listOf(isText),
  openConnections: isNumber,
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

function isStatus(value: unknown): value is ProcessStatus {
  return isProcess(value);
}
