import type { AgentEvent, SessionAudit } from "../../agent/agent-types.ts";
import { jsonLine } from "../../base/escape.ts";
import { LineLimit, moreWords } from "../../base/line-limit.ts";
import type { Logger } from "../../base/log.ts";
import { disconnectedWords, fateWords } from "../../proxy/fate-words.ts";
import type { Output } from "../print/output.ts";
import { CONNECTION_LINES, fateLevel } from "../proxy/event-log.ts";

/** Events of which a flood from outside can make any number: so many lines of a kind in a minute, the rest is counted. */
const LINES: ReadonlyMap<AgentEvent["event"], number> = new Map([
  ["broker-lost", 10],
  ["notification-refused", 10],
  ["notification-known", 10],
  ["session-disconnected", 10],
  ["warning", 10],
  ["connections-held", CONNECTION_LINES],
  ["connections-resumed", CONNECTION_LINES],
  ["connections-lost", CONNECTION_LINES],
  ["connection-opened", CONNECTION_LINES],
  ["connection-closed", CONNECTION_LINES],
]);

/** Turns an agent's events into log lines, into the event stream of --json, and into an audit line for each session. */
export class AgentPrinter {
  readonly #output: Output;
  readonly #log: Logger;
  readonly #writeAudit: ((line: string) => void) | undefined;
  readonly #limit = new LineLimit();

  /** @param writeAudit where audit lines go instead of stdout */
  constructor(output: Output, log: Logger, writeAudit: ((line: string) => void) | undefined) {
    this.#output = output;
    this.#log = log;
    this.#writeAudit = writeAudit;
  }

  print(event: AgentEvent): void {
    if (event.event === "session-ended") this.#audit(event);
    const suppressed = this.#pass(event);
    if (suppressed === undefined) return;
    logEvent(event, moreWords(suppressed), this.#log);
    if (!this.#output.json) return;
    this.#output.document({ time: now(), ...event, ...(suppressed > 0 && { suppressed }) });
  }

  /** How many events of its kind were left out before this one; undefined when it is to be left out itself. */
  #pass(event: AgentEvent): number | undefined {
    const lines = LINES.get(event.event);
    if (lines === undefined) return 0;
    const kind = event.event === "notification-refused" ? `${event.event} ${event.reason}` : event.event;
    return this.#limit.pass(kind, performance.now(), lines);
  }

  #audit(audit: SessionAudit & { readonly event: string }): void {
    const document = { time: now(), ...audit };
    if (this.#writeAudit !== undefined) this.#writeAudit(jsonLine(document));
    else if (!this.#output.json) this.#output.document(document);
  }
}

function now(): string {
  return new Date().toISOString();
}

function logEvent(event: AgentEvent, more: string, log: Logger): void {
  const facts = { ...event, more };
  switch (event.event) {
    case "subscribed":
      return log.info("subscribed to {topic} on {broker}", facts);
    case "broker-lost": {
      const hint = event.hint === undefined ? "" : ` (${event.hint})`;
      return log.warn("no notifications: {reason}{hint}; next try in {retryInMs} ms{more}", {
        ...facts,
        hint,
      });
    }
    case "notification-refused":
      return log.warn("notification refused: {message}{more}", facts);
    case "notification-known":
      return log.debug("notification of session {session} again{more}", facts);
    case "session-started": {
      const how = event.isResumed ? "resumed" : "started";
      return log.info("session {session} {how}: {list}", { ...facts, how, list: event.services.join(", ") });
    }
    case "session-connected":
      return log.info("session {session} connected", facts);
    case "session-disconnected":
      if (event.heldConnections > 0) {
        return log.warn("session {session}: {words}{more}", { ...facts, words: disconnectedWords(event) });
      }
      return log.warn("session {session}: {reason}; next try in {retryInMs} ms{more}", facts);
    case "connection-opened":
      return log.debug("session {session}: {service} connection {connectionId} opened", facts);
    case "connection-closed":
      return log.debug("session {session}: {service} connection {connectionId} closed: {reason}", facts);
    case "connections-held":
    case "connections-resumed":
    case "connections-lost":
      return log[fateLevel(event)]("session {session}: {service}: {words}{more}", {
        ...facts,
        words: fateWords(event),
      });
    case "session-ended": {
      const detail = event.detail === "" ? "" : ` (${event.detail})`;
      return log.info("session {session} ended: {reason}{detail}", { ...facts, detail });
    }
    case "warning": {
      const hint = event.hint === undefined ? "" : ` (${event.hint})`;
      return log.warn("{message}{hint}{more}", { ...facts, hint });
    }
    case "draining":
      return log.info("stopping; waiting for {connections} connections to end", facts);
  }
}
