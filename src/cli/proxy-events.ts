import type { Logger } from "../base/log.ts";
import type { ProxyEvent } from "../proxy/options.ts";
import type { Output } from "./output.ts";

/** A line on stdout for a listener that is ready: what scripts wait for. */
export function printListening(event: ProxyEvent & { readonly event: "listening" }, output: Output): void {
  const { service, address, port } = event;
  if (output.json) {
    output.document({ event: "listening", service, address, ...(port === undefined ? {} : { port }) });
    return;
  }
  const host = address.includes(":") ? `[${address}]` : address;
  output.line(`${service} listening on ${port === undefined ? address : `${host}:${port}`}`);
}

/** A log line for every event; its members go along as properties. */
export function logEvent(event: ProxyEvent, log: Logger): void {
  switch (event.event) {
    case "connected": {
      const services = event.services.join(", ") || "none";
      log.info("connected to the tunnel, services: {list}", { ...event, list: services });
      break;
    }
    case "disconnected": {
      log.warn("disconnected: {reason}; next try in {retryInMs} ms", { ...event });
      break;
    }
    case "listening": {
      log.debug("{service} listens on {address}", { ...event });
      break;
    }
    case "connection-opened": {
      log.info("{service}: connection {connectionId} opened", { ...event });
      break;
    }
    case "connection-closed": {
      log.info("{service}: connection {connectionId} closed: {reason}", { ...event });
      break;
    }
    case "warning": {
      log.warn(event.hint === undefined ? "{message}" : "{message} ({hint})", { ...event });
      break;
    }
  }
}
