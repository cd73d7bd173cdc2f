import { LineLimit, moreWords } from "../../base/line-limit.ts";
import type { Logger } from "../../base/log.ts";
import type { Listening } from "../../operator/request.ts";
import { disconnectedWords, type FateEvent, fateWords, renewedWords } from "../../proxy/fate-words.ts";
import { listeningAt, type ProxyEvent } from "../../proxy/options.ts";
import type { Output } from "../print/output.ts";
import type { CommandContext } from "../words/command.ts";

/** A line on stdout for a listener that is ready: what scripts wait for. */
export function printListening(
  { service, address, port }: Listening & { readonly service: string },
  output: Output,
): void {
  if (output.json) {
    output.document({ event: "listening", service, address, ...(port === undefined ? {} : { port }) });
    return;
  }
  output.line(`${service} listening on ${listeningAt({ address, port })}`);
}

/** Lines a minute about connections that open, and as many about those that close: a flood of them fills no disk. */
export const CONNECTION_LINES = 60;

/** Lines a minute about a link that is down while connections wait: that it is lost, and why it does not come back. */
const HELD_LINES = 2;

/** Writes a log line for every event; its members go along as properties. */
export class EventLog {
  readonly #log: Logger;
  readonly #limit = new LineLimit();
  #outage = new LineLimit();

  constructor(log: Logger) {
    this.#log = log;
  }

  write(event: ProxyEvent): void {
    const log = this.#log;
    switch (event.event) {
      case "connected": {
        this.#outage = new LineLimit();
        const services = event.services.join(", ") || "none";
        return log.info("connected to the tunnel, services: {list}", { ...event, list: services });
      }
      case "disconnected":
        return this.#disconnected(event);
      case "token-renewed":
        return log.info("{words}", { ...event, words: renewedWords(event) });
      case "listening":
        return log.debug("{service} listens on {address}", { ...event });
      case "dialled":
        return log.debug("{service} answers on {address}", { ...event });
      case "connection-opened":
        return this.#limited(event, (more) =>
          log.info("{service}: connection {connectionId} opened{more}", { ...event, more }),
        );
      case "connection-closed":
        return this.#limited(event, (more) =>
          log.info("{service}: connection {connectionId} closed: {reason}{more}", { ...event, more }),
        );
      case "connections-held":
      case "connections-resumed":
      case "connections-lost":
        return this.#fate(event);
      case "warning":
        return this.#limited(event, (more) =>
          log.warn(event.hint === undefined ? "{message}{more}" : "{message} ({hint}){more}", {
            ...event,
            more,
          }),
        );
    }
  }

  /** Whoever waits in a shell is told that it is down and why, then once in a while: the tries are seconds apart. */
  #disconnected({ error: _, ...event }: Extract<ProxyEvent, { event: "disconnected" }>): void {
    if (event.heldConnections === 0) {
      return this.#log.warn("disconnected: {reason}; next try in {retryInMs} ms", event);
    }
    const isTold = this.#outage.pass("held", performance.now(), HELD_LINES) !== undefined;
    this.#log[isTold ? "warn" : "debug"]("{words}", { ...event, words: disconnectedWords(event) });
  }

  #fate(event: FateEvent): void {
    this.#limited(event, (more) =>
      this.#log[fateLevel(event)]("{service}: {words}{more}", { ...event, words: fateWords(event), more }),
    );
  }

  /** @param write is given the number of lines that were left out, in words */
  #limited(event: ProxyEvent, write: (more: string) => void): void {
    const suppressed = this.#limit.pass(event.event, performance.now(), CONNECTION_LINES);
    if (suppressed !== undefined) write(moreWords(suppressed));
  }
}

/** A lost link is told by itself, with what is held. */
export function fateLevel(event: FateEvent): "debug" | "info" | "warn" {
  switch (event.event) {
    case "connections-held":
      return event.isLinkDown ? "debug" : "warn";
    case "connections-resumed":
      return "info";
    case "connections-lost":
      return "warn";
  }
}

/** What scripts get of it, as a document of --json. */
export function fateDocument(event: ProxyEvent): object | undefined {
  switch (event.event) {
    case "connections-held":
    case "connections-resumed":
    case "connections-lost":
    case "token-renewed":
      return { time: new Date().toISOString(), ...event };
    default:
      return undefined;
  }
}

/**
 * Logs what becomes of a tunnel that a command uses, and tells the fate of its connections as documents. Around a command, or inside of ssh, every connection would be a line on somebody else's
 * terminal.
 */
export function proxyEventLog(
  isStdoutOurs: boolean,
  { log, output, settings }: Pick<CommandContext, "log" | "output" | "settings">,
  tell: (document: object) => void,
): (event: ProxyEvent) => void {
  const events = new EventLog(log);
  return (event) => {
    const document = fateDocument(event);
    if (output.json && document !== undefined) tell(document);
    const isTrouble = document !== undefined || /^(disconnected|warning)$/.test(event.event);
    if (isStdoutOurs || isTrouble || settings.origin("logLevel").type !== "default") events.write(event);
  };
}
