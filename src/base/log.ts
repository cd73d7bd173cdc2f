import {
  configureSync,
  getLogger as getCategoryLogger,
  type Logger,
  type LogLevel,
  type LogRecord,
} from "@logtape/logtape";
import { escapeControl, jsonLine } from "./escape.ts";

export type { Logger } from "@logtape/logtape";

/** Log levels as people write them on the command line, most severe first. */
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
/** One of LOG_LEVELS. */
export type Level = (typeof LOG_LEVELS)[number];

/** How log lines are written: one readable line, or one JSON object a line. */
export type LogFormat = "text" | "json";

/** A logger of one area of the program, e.g. `getLogger("relay")`; silent until configureLog is called. */
export function getLogger(area: string): Logger {
  return getCategoryLogger(["tunnel", area]);
}

/** Sends every log line at or above `level` to `write`, one call a line, line break included. */
export function configureLog(options: {
  readonly level: Level;
  readonly format: LogFormat;
  readonly write: (line: string) => void;
}): void {
  const format = options.format === "json" ? formatJson : formatText;
  sendRecords(options.level, (record) => options.write(format(record)));
}

/** As configureLog, for whoever has a format of their own: each line's level and its message, made safe. */
export function configureLogSink(level: Level, write: (level: Level, message: string) => void): void {
  sendRecords(level, (record) => write(levelName(record), messageOf(record)));
}

function sendRecords(level: Level, out: (record: LogRecord) => void): void {
  configureSync({
    reset: true,
    sinks: { out },
    loggers: [
      { category: ["tunnel"], sinks: ["out"], lowestLevel: toLibraryLevel(level) },
      { category: ["logtape", "meta"], sinks: ["out"], lowestLevel: "warning" },
    ],
  });
}

function toLibraryLevel(level: Level): LogLevel {
  return level === "warn" ? "warning" : level;
}

function levelName({ level }: LogRecord): Level {
  if (level === "fatal") return "error";
  return level === "warning" ? "warn" : level;
}

function messageOf(record: LogRecord): string {
  return escapeControl(record.message.map((part) => String(part)).join(""), 2_000);
}

function formatText(record: LogRecord): string {
  const time = new Date(record.timestamp).toLocaleTimeString("en-GB", { hour12: false });
  const area = record.category.slice(1).join(".");
  return `${time} ${levelName(record).padEnd(5)} ${area}: ${messageOf(record)}\n`;
}

function formatJson(record: LogRecord): string {
  return jsonLine({
    ...record.properties,
    time: new Date(record.timestamp).toISOString(),
    level: levelName(record),
    area: record.category.slice(1).join("."),
    message: messageOf(record),
  });
}
