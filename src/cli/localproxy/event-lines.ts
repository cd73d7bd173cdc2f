// What a running proxy tells → the reference proxy's sentences.

import {
  HandshakeError,
  ListenError,
  ReplacedError,
  ServiceIdsError,
  type TunnelError,
} from "../../base/errors.ts";
import { isCertificateFailure } from "../../net/failures.ts";
import type { Mode, ProxyEvent } from "../../proxy/options.ts";
import type { ReferenceLines } from "./lines.ts";

/** Writes the lines of one proxy. */
export class EventLines {
  readonly #lines: ReferenceLines;
  readonly #mode: Mode;
  readonly #endpoint: string;
  readonly #host: string;
  /** Port of each service's listener. */
  readonly #ports = new Map<string, number | undefined>();
  /** Ports are not the user's choice: each is told. */
  takesFreePorts = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(lines: ReferenceLines, mode: Mode, { host, port }: { host: string; port: number }) {
    this.#lines = lines;
    this.#mode = mode;
    this.#host = host;
    this.#endpoint = `wss://${host.includes(":") ? `[${host}]` : host}:${port}`;
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
        this.#lines.log("error", this.#reasonLine(event.reason));
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
        return;
      case "warning":
        return this.#lines.log("warning", event.message);
    }
  }

  /** The lines about the failure that ended the proxy. */
  failure(error: TunnelError): void {
    if (error instanceof HandshakeError) {
      this.#lines.log("error", rejectionLine(error.status, error.statusReason));
    } else if (error instanceof ServiceIdsError) {
      this.#lines.log("error", error.message);
      this.#lines.log(
        "fatal",
        "Wrong configurations detected in local proxy. Please starts local proxy with right sets of service ids.",
      );
    } else if (error instanceof ReplacedError) {
      this.#info(
        `Web socket close received. Code: 1008; Reason: ${error.message.replace(/^the service ended this connection: /, "")}`,
      );
    } else if (error instanceof ListenError) {
      this.#lines.log("error", bindLine(error.message));
    } else {
      this.#lines.log("error", this.#reasonLine(error.message, error.cause));
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

  #reasonLine(reason: string, cause?: unknown): string {
    if (/status (\d{3}):/.test(reason) && reason.startsWith("the service refused")) {
      const [, status = "", text = ""] = /status (\d{3}): (.*)$/s.exec(reason) ?? [];
      return rejectionLine(Number(status), text);
    }
    if (isCertificateFailure(cause) || /certificate/i.test(reason)) {
      return `Could not perform SSL handshake with proxy server: ${reason}`;
    }
    if (/host name not found|name server/.test(reason)) {
      return `Could not resolve DNS hostname of proxy host: ${this.#host} - ${reason.replace(/^.*: /, "")}`;
    }
    return `Could not connect to proxy server: ${reason}`;
  }

  #info(message: string): void {
    this.#lines.log("info", message);
  }
}

/** The status line's own words: the library does not hand over the service's. */
const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** `cannot listen on ADDRESS: why`, in the reference's words. */
function bindLine(message: string): string {
  const [, address = "", why = message] = /^cannot listen on (.*): (.*)$/.exec(message) ?? [];
  const reason = why === "the address is in use" ? "Address already in use" : why;
  return `Could not bind to address: ${address} -- ${reason}`;
}

function rejectionLine(status: number, body: string): string {
  const text = STATUS_TEXTS[status] === undefined ? "" : ` ${STATUS_TEXTS[status]}`;
  return `Proxy server rejected web socket upgrade request: (HTTP/1.1 ${status}${text}) "${body}"`;
}
