import { LineLimit } from "../../base/line-limit.ts";
import type { Logger } from "../../base/log.ts";
import type { Listening } from "../../operator/request.ts";
import { listeningAt, type ProxyEvent } from "../../proxy/options.ts";
import type { Output } from "../print/output.ts";

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

/** Writes a log line for every event; its members go along as properties. */
export class EventLog {
  readonly #log: Logger;
  readonly #limit = new LineLimit();

  constructor(log: Logger) {
    this.#log = log;
  }

  write(event: ProxyEvent): void {
    const log = this.#log;
    switch (event.event) {
      case "connected": {
        const services = event.services.join(", ") || "none";
        return log.info("connected to the tunnel, services: {list}", { ...event, list: services });
      }
      case "disconnected": {
        const { error: _, ...facts } = event;
        return log.warn("disconnected: {reason}; next try in {retryInMs} ms", facts);
      }
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
        return log.warn("{service}: {connections} open connections wait for the other side", { ...event });
      case "connections-resumed":
        return log.info("{service}: {connections} open connections go on after {afterMs} ms", { ...event });
      case "connections-lost":
        return log.warn("{service}: {connections} open connections ended: {reason}", { ...event });
      case "warning":
        return this.#limited(event, (more) =>
          log.warn(event.hint === undefined ? "{message}{more}" : "{message} ({hint}){more}", {
            ...event,
            more,
          }),
        );
    }
  }

  /** @param write is given the number of lines that were left out, in words */
  #limited(event: ProxyEvent, write: (more: string) => void): void {
    const suppressed = this.#limit.pass(event.event, performance.now(), CONNECTION_LINES);
    if (suppressed !== undefined) write(suppressed === 0 ? "" : ` (and ${suppressed} more like it)`);
  }
}
