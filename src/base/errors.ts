// Every failure that a user can see is one of these classes; prose and exit numbers are written in cli/report.ts
// and cli/exit-codes.ts only.

/** Closed list of error codes. They appear in `--json` errors, so they are never renamed. */
const ERROR_CODES = [
  "ERR_USAGE",
  "ERR_CONFIG",
  "ERR_SERVICE_IDS_MISMATCH",
  "ERR_CREDENTIALS",
  "ERR_NOT_FOUND",
  "ERR_LIMIT",
  "ERR_NO_DEVICE",
  "ERR_DENIED",
  "ERR_INVALID",
  "ERR_SERVICE",
  "ERR_HANDSHAKE_REJECTED",
  "ERR_REPLACED",
  "ERR_UNREACHABLE",
  "ERR_LISTEN",
  "ERR_PROTOCOL",
  "ERR_BUG",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Whether a value that another process sent is one of them. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return (ERROR_CODES as readonly unknown[]).includes(value);
}

/** What may accompany an error: the next thing to type, and the error it was made from. */
export interface ErrorDetails {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** A failure with a code for scripts, a sentence for people and, where we can write it, what to type next. */
export class TunnelError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.name = new.target.name;
  }
}

/** The command line is wrong. */
export class UsageError extends TunnelError {
  constructor(message: string, hint?: string) {
    super("ERR_USAGE", message, { hint });
  }
}

/** A value from a flag, the environment or a file cannot be used; the message names where it came from. */
export class ConfigError extends TunnelError {
  constructor(message: string, details: ErrorDetails = {}) {
    super("ERR_CONFIG", message, details);
  }
}

/** The service map of the local proxy and the services of the tunnel differ (protocol rule P31). */
export class ServiceIdsError extends TunnelError {
  constructor(message: string, hint?: string) {
    super("ERR_SERVICE_IDS_MISMATCH", message, { hint });
  }
}

/** No credentials were found, or they cannot be used. */
export class CredentialsError extends TunnelError {
  constructor(message: string, details: ErrorDetails = {}) {
    super("ERR_CREDENTIALS", message, details);
  }
}

/** The control plane answered with an exception; `awsCode` is its name. */
export class ServiceError extends TunnelError {
  readonly awsCode: string;
  readonly requestId: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    facts: ErrorDetails & { readonly awsCode: string; readonly requestId?: string | undefined },
  ) {
    super(code, message, facts);
    this.awsCode = facts.awsCode;
    this.requestId = facts.requestId;
  }
}

/** The data plane answered the WebSocket handshake with something else than 101. */
export class HandshakeError extends TunnelError {
  readonly status: number;
  readonly statusReason: string;
  readonly channelId: string | undefined;

  constructor(
    message: string,
    facts: ErrorDetails & {
      readonly status: number;
      readonly statusReason: string;
      readonly channelId?: string | undefined;
    },
  ) {
    super("ERR_HANDSHAKE_REJECTED", message, facts);
    this.status = facts.status;
    this.statusReason = facts.statusReason;
    this.channelId = facts.channelId;
  }
}

/** Another local proxy took this side of the tunnel (the WebSocket was closed with 1008). */
export class ReplacedError extends TunnelError {
  /** The service's words. */
  readonly reason: string;

  constructor(reason: string, hint?: string) {
    super("ERR_REPLACED", `the service ended this connection: ${reason}`, { hint });
    this.reason = reason;
  }
}

/** DNS, TCP, TLS, the web proxy or a 5xx answer, after the last try. */
export class UnreachableError extends TunnelError {
  constructor(message: string, details: ErrorDetails = {}) {
    super("ERR_UNREACHABLE", message, details);
  }
}

/** A listener at `address` could not be made: port taken, or not allowed. */
export class ListenError extends TunnelError {
  readonly address: string;

  constructor(address: string, message: string, details: ErrorDetails = {}) {
    super("ERR_LISTEN", message, details);
    this.address = address;
  }
}

/** The far side broke a rule of the wire; `rule` is its number in proto/protocol.md. */
export class RemoteProtocolError extends TunnelError {
  readonly rule: string;

  constructor(rule: string, message: string, cause?: unknown) {
    super("ERR_PROTOCOL", `${message} (protocol rule ${rule})`, { cause });
    this.rule = rule;
  }
}
