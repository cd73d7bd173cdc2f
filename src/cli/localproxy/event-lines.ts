// What a running proxy tells → the reference proxy's sentences.

import { STATUS_CODES } from "node:http";
import { nameFailure } from "../../base/connection-reason.ts";
import {
  HandshakeError,
  ListenError,
  ReplacedError,
  ServiceIdsError,
  type TunnelError,
} from "../../base/errors.ts";
import { hostAndPort } from "../../base/host-names.ts";
import { codeOf, systemReason } from "../../base/system-reason.ts";
import { isCertificateFailure } from "../../net/failures.ts";
import type { ProxyEvent, Side } from "../../proxy/options.ts";
import type { ReferenceLines } from "./lines.ts";

/** Writes the lines of one proxy. */
export class EventLines {
  readonly #lines: ReferenceLines;
  readonly #mode: Side;
  readonly #endpoint: string;
  readonly #host: string;
  /** Port of each service's listener. */
  readonly #ports = new Map<string, number | undefined>();
  /** Ports are not the user's choice: each is told. */
  takesFreePorts = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(lines: ReferenceLines, mode: Side, address: { host: string; port: number }) {
    this.#lines = lines;
    this.#mode = mode;
    this.#host = address.host;
    this.#endpoint = `wss://${hostAndPort(address)}`;
  }

  start(): void {
    this.#info(`Starting proxy in ${this.#mode} mode`);
    this.#attempt();
  }

  stop(): void {
    clearTimeout(this.#retry);
  }

  event(event: ProxyEvent): void {
    switch (event.event) {
      case "connected":
        this.#info(`Web socket session ID: ${event.channelId}`);
        return this.#info(
          `Successfully established websocket connection with proxy server: ${this.#endpoint}`,
        );
      case "disconnected":
        this.#lines.log("error", this.#reasonLine(event.error));
        this.#retry = setTimeout(() => this.#attempt(), event.retryInMs);
        this.#retry.unref();
        return;
      case "listening":
        return this.#listening(event.service, event.address, event.port);
      case "connection-opened":
        return this.#opened(event);
      case "dialled":
        return this.#info(
          event.port === undefined
            ? `Connected to Unix socket: ${event.address}`
            : `Connected to ${event.address}, port: ${event.port}`,
        );
      case "connection-closed":
        return this.#info(
          `Disconnected from: ${event.service} (connection ${event.connectionId}): ${event.reason}`,
        );
      case "connections-held":
      case "connections-resumed":
      case "connections-lost":
      case "token-renewed":
        return;
      case "warning":
        return this.#lines.log("warning", event.message);
    }
  }

  /** The lines about the failure that ended the proxy. */
  failure(error: TunnelError): void {
    if (error instanceof ServiceIdsError) {
      this.#lines.log("error", error.message);
      this.#lines.log(
        "fatal",
        "Wrong configurations detected in local proxy. Please starts local proxy with right sets of service ids.",
      );
    } else if (error instanceof ReplacedError) {
      this.#info(`Web socket close received. Code: 1008; Reason: ${error.reason}`);
    } else if (error instanceof ListenError) {
      this.#lines.log("error", bindLine(error));
    } else {
      this.#lines.log("error", this.#reasonLine(error));
    }
    if (error.hint !== undefined) this.#lines.log("info", `hint: ${error.hint}`);
  }

  tunnelClosed(): void {
    this.#info("Web socket close received. Reason: the tunnel is closed or has expired");
  }

  #attempt(): void {
    this.#info(`Attempting to establish web socket connection with endpoint ${this.#endpoint}`);
  }

  #listening(service: string, address: string, port: number | undefined): void {
    this.#ports.set(service, port);
    this.#info(`Listening for new connection on ${port === undefined ? address : `port ${port}`}`);
    if (!this.takesFreePorts) return;
    this.#info(`Listen port assigned for service id ${service}. New port mapping: `);
    this.#info(`${service} = ${port}`);
  }

  #opened({ service, connectionId, peer }: ProxyEvent & { readonly event: "connection-opened" }): void {
    if (this.#mode === "source") {
      const from = peer === undefined ? "" : ` from ${peer}`;
      this.#info(`Accepted tcp connection on port ${this.#ports.get(service) ?? service}${from}`);
    }
    this.#info(`creating tcp connection id ${connectionId}`);
  }

  #reasonLine(error: TunnelError): string {
    const { message, cause } = error;
    if (error instanceof HandshakeError) return rejectionLine(error);
    if (cause instanceof HandshakeError) return rejectionLine(cause);
    if (isCertificateFailure(cause)) return `Could not perform SSL handshake with proxy server: ${message}`;
    const why = nameFailure(cause);
    return why === undefined
      ? `Could not connect to proxy server: ${message}`
      : `Could not resolve DNS hostname of proxy host: ${this.#host} - ${why}`;
  }

  #info(message: string): void {
    this.#lines.log("info", message);
  }
}

/** In the reference's words where there are some. */
function bindLine({ address, cause }: ListenError): string {
  const reason = codeOf(cause) === "EADDRINUSE" ? "Address already in use" : systemReason(cause);
  return `Could not bind to address: ${address} -- ${reason}`;
}

function rejectionLine({ status, statusReason }: HandshakeError): string {
  // The status line's own words: the library does not hand over the service's.
  const text = STATUS_CODES[status] === undefined ? "" : ` ${STATUS_CODES[status]}`;
  return `Proxy server rejected web socket upgrade request: (HTTP/1.1 ${status}${text}) "${statusReason}"`;
}
