// Engines driven by messages instead of bytes, with outputs and messages as lines that a test can compare.
import { Engine } from "../../../src/engine/engine.ts";
import type { EngineOptions } from "../../../src/engine/exchange.ts";
import type { Connection, EngineOutput } from "../../../src/engine/output.ts";
import {
  decodeFrame,
  encodeFrame,
  type Message,
  MessageType,
  makeMessage,
} from "../../../src/protocol/message.ts";
import { FIRST_STREAM_ID } from "../../helpers/stream-ids.ts";

export const LINGER_MS = 1_000;

/** Stream ids that `makeSource` draws, in turn: 1048582, 2097164, 3145746, 4194328. */
const STREAM_IDS = [1, 2, 3, 4].map((factor) => factor * FIRST_STREAM_ID);

const OPTIONS = { hasServiceIds: true, lingerMs: LINGER_MS };

type Given = Partial<EngineOptions> & { readonly services?: readonly string[] };

/** A source engine that knows its services (by default one, SSH). */
export function makeSource({ services = ["SSH"], ...options }: Given = {}): Engine {
  const ids = [...STREAM_IDS];
  const random = () =>
    ((ids.shift() ?? FIRST_STREAM_ID) - FIRST_STREAM_ID + 0.5) / (2 ** 28 - FIRST_STREAM_ID);
  const engine = new Engine("source", { entries: () => services, random, ...OPTIONS, ...options });
  return ready(engine, services, options.hasServiceIds ?? true);
}

/** A source engine that still waits for SERVICE_IDS. */
export function freshSource(entries: readonly string[]): Engine {
  return new Engine("source", { entries: () => entries, random: () => 0, ...OPTIONS });
}

/** A destination engine that knows its services. */
export function makeDestination({ services = ["SSH"], ...options }: Given = {}): Engine {
  const engine = new Engine("destination", {
    entries: () => services,
    random: () => 0,
    ...OPTIONS,
    ...options,
  });
  return ready(engine, services, options.hasServiceIds ?? true);
}

function ready(engine: Engine, services: readonly string[], hasServiceIds: boolean): Engine {
  if (hasServiceIds) give(engine, serviceIds(services), 0);
  engine.drain();
  return engine;
}

export function give(engine: Engine, message: Message, now = 0): void {
  engine.receive(encodeFrame(message), now);
}

export const serviceIds = (services: readonly string[]) =>
  makeMessage({ type: MessageType.ServiceIds, availableServiceIds: services });

/** `streamId`, `connectionId`, service id SSH unless said otherwise. */
export function message(
  type: keyof typeof MessageType,
  streamId: number,
  connectionId = 0,
  more: Partial<Message> = {},
) {
  return makeMessage({ type: MessageType[type], streamId, connectionId, serviceId: "SSH", ...more });
}

export function text(content: string): Uint8Array {
  return Uint8Array.from(content, (char) => char.charCodeAt(0));
}

export function filled(length: number): Uint8Array {
  return new Uint8Array(length).fill(120);
}

function show(bytes: Uint8Array): string {
  return bytes.length > 20 ? `${bytes.length} bytes` : String.fromCharCode(...bytes);
}

/** Everything the engine sends now: `STREAM_START SSH 1048582.1`, `DATA SSH 1048582.1 "x"`. */
export function sent(engine: Engine, now = 0): string[] {
  const lines: string[] = [];
  for (let frame = engine.nextFrame(now); frame !== undefined; frame = engine.nextFrame(now)) {
    lines.push(lineOf(decodeFrame(frame)));
  }
  return lines;
}

const NAMES = [
  "UNKNOWN",
  "DATA",
  "STREAM_START",
  "STREAM_RESET",
  "SESSION_RESET",
  "SERVICE_IDS",
  "CONNECTION_START",
  "CONNECTION_RESET",
];

export function lineOf({
  type,
  serviceId,
  streamId,
  connectionId,
  payload,
  availableServiceIds,
}: Message): string {
  if (type === MessageType.ServiceIds) return `SERVICE_IDS ${availableServiceIds.join(",")}`;
  const ids = connectionId === 0 ? `${streamId}` : `${streamId}.${connectionId}`;
  return `${NAMES[type]} ${serviceId || "-"} ${ids}${payload.length > 0 ? ` ${show(payload)}` : ""}`;
}

/** Everything the engine asks for now: `connect 1`, `write 1 abc`, `close 1 end`, `dropped: stale stream`. */
export function asked(engine: Engine): string[] {
  return engine.drain().map(outputLine);
}

function outputLine(output: EngineOutput): string {
  switch (output.type) {
    case "ready":
      return `ready ${output.services.join(",")}`;
    case "connect":
      return `connect ${output.connection.key}`;
    case "write":
      return `write ${output.connection.key} ${show(output.bytes)}`;
    case "finish":
    case "hold":
    case "adopt":
      return `${output.type} ${output.connection.key}`;
    case "close":
      return `close ${output.connection.key} ${output.how}`;
    case "fail":
      return `fail ${output.error.code} ${"rule" in output.error ? output.error.rule : ""}`.trim();
    case "event":
      return eventLine(output.event);
  }
}

function eventLine(event: Extract<EngineOutput, { type: "event" }>["event"]): string {
  switch (event.type) {
    case "format":
      return `format ${event.known}`;
    case "silent":
      return `silent ${event.serviceId} ${event.forMs}`;
    case "dropped":
      return `dropped: ${event.why}`;
    case "unready":
      return `unready ${event.forMs}`;
    case "refused":
      return `refused: ${event.why}`;
    case "pong":
      return `pong ${event.serviceId} ${event.outcome}`;
    case "held":
    case "resumed":
    case "lost":
      return `${event.type} ${event.serviceId} ${event.connections}`;
  }
}

/** An accepted connection; fails when it is refused. */
export function accept(engine: Engine, serviceId = "SSH", now = 0): Connection {
  const connection = engine.localAccepted(serviceId, now);
  if (connection === undefined) throw new Error("the connection was refused");
  return connection;
}
