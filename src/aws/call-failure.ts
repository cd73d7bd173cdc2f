// What the SDK throws → our errors, with what to do next.

import { type ErrorCode, ServiceError, TunnelError, UnreachableError } from "../base/errors.ts";
import { regionDoubt } from "./regions.ts";

/** What was called, for the message. */
export interface CallFacts {
  /** Name of the operation, e.g. OpenTunnel. */
  readonly operation: string;
  /** Tunnel id or ARN. */
  readonly subject: string | undefined;
  readonly region: string;
  /** Host, with a port that is not the usual one. */
  readonly host: string | undefined;
  readonly isCustomEndpoint: boolean;
  readonly timedOut: boolean;
}

/** Makes a TunnelError of whatever a call to the control plane threw. */
export function toTunnelError(error: unknown, facts: CallFacts): TunnelError {
  if (error instanceof TunnelError) return error;
  if (facts.timedOut) return unreachable(error, facts, "no answer in time");
  if (isServiceException(error)) return fromException(error, facts);
  return fromForeignAnswer(error, facts) ?? fromNetwork(error, facts) ?? unexpected(error, facts);
}

interface ServiceException extends Error {
  readonly $metadata: { readonly httpStatusCode?: number; readonly requestId?: string };
}

function isServiceException(error: unknown): error is ServiceException {
  // Network failures carry $metadata too, without a status.
  return (
    error instanceof Error &&
    "$metadata" in error &&
    (error as ServiceException).$metadata.httpStatusCode !== undefined
  );
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ResourceNotFoundException: "ERR_NOT_FOUND",
  LimitExceededException: "ERR_LIMIT",
  ThrottlingException: "ERR_LIMIT",
  TooManyRequestsException: "ERR_LIMIT",
  AccessDeniedException: "ERR_DENIED",
  AccessDenied: "ERR_DENIED",
  UnauthorizedException: "ERR_DENIED",
  ExpiredTokenException: "ERR_CREDENTIALS",
  ExpiredToken: "ERR_CREDENTIALS",
  UnrecognizedClientException: "ERR_CREDENTIALS",
  InvalidClientTokenId: "ERR_CREDENTIALS",
  InvalidSignatureException: "ERR_CREDENTIALS",
  SignatureDoesNotMatch: "ERR_CREDENTIALS",
  IncompleteSignatureException: "ERR_CREDENTIALS",
  MissingAuthenticationTokenException: "ERR_CREDENTIALS",
  RequestExpired: "ERR_CREDENTIALS",
  RequestTimeTooSkewed: "ERR_CREDENTIALS",
  ValidationException: "ERR_INVALID",
  InvalidRequestException: "ERR_INVALID",
  SerializationException: "ERR_INVALID",
};

function fromException(error: ServiceException, facts: CallFacts): ServiceError {
  const code = CODES[error.name] ?? "ERR_SERVICE";
  const status = error.$metadata.httpStatusCode;
  const reason =
    error.message === "" || error.message === "UnknownError" ? `HTTP status ${status}` : error.message;
  return new ServiceError(code, `${sentence(code, error, facts)}: ${reason}`, {
    awsCode: error.name,
    requestId: error.$metadata.requestId,
    hint: hintFor(code, error, facts),
    cause: error,
  });
}

function sentence(
  code: ErrorCode,
  error: ServiceException,
  { operation, subject, region, host }: CallFacts,
): string {
  switch (code) {
    case "ERR_NOT_FOUND":
      return `${subject === undefined ? operation : `"${subject}"`} was not found in ${region}`;
    case "ERR_DENIED":
      return `not allowed to call iot:${operation}`;
    case "ERR_CREDENTIALS":
      return `the credentials were refused (${error.name})`;
    case "ERR_SERVICE":
      return `${operation} failed at ${host ?? region} (${error.name})`;
    default:
      return `${operation} was refused (${error.name})`;
  }
}

function hintFor(code: ErrorCode, error: ServiceException, facts: CallFacts): string | undefined {
  switch (code) {
    case "ERR_NOT_FOUND":
      return "tunnel list shows what is there; a tunnel is found in its own region only: --region";
    case "ERR_DENIED":
      return `the identity needs a policy that allows iot:${facts.operation}; aws sts get-caller-identity shows who you are`;
    case "ERR_CREDENTIALS":
      return credentialsHint(error);
    case "ERR_LIMIT":
      if (facts.operation === "TagResource" || /\btags?\b/i.test(error.message)) {
        return "a tunnel has 50 tags at most: remove some, tunnel tag ID --remove KEY";
      }
      return /\bservices?\b/i.test(error.message)
        ? "a tunnel has three services at most: open another tunnel for the rest"
        : "wait a moment and try again, or close tunnels that are no longer needed: tunnel list";
    case "ERR_INVALID":
      return undefined;
    default:
      if ((error.$metadata.httpStatusCode ?? 0) >= 500) {
        return "the service has trouble of its own, its log tells more; try again in a moment";
      }
      return facts.isCustomEndpoint
        ? "is this the control plane of IoT secure tunneling? check --endpoint-url"
        : undefined;
  }
}

function credentialsHint(error: ServiceException): string {
  if (
    /skew|RequestExpired|RequestTime/i.test(error.name) ||
    /expired: \d{8}T|not yet current/i.test(error.message)
  ) {
    return "the clock of this machine is wrong; tunnel doctor says by how much";
  }
  return /expired/i.test(error.name)
    ? "get new ones, e.g. aws sso login, and check AWS_SESSION_TOKEN"
    : "check AWS_PROFILE or --profile, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN";
}

/** An answer that is no JSON. The SDK's sentence is about a property of its error, which nobody sees here. */
function fromForeignAnswer(error: unknown, facts: CallFacts): UnreachableError | undefined {
  if (!(error instanceof Error) || !error.message.includes("Deserialization error")) return undefined;
  const { statusCode } = (error as { $response?: { statusCode?: number } }).$response ?? {};
  const status = statusCode === undefined ? "" : ` (HTTP status ${statusCode})`;
  return unreachable(
    error,
    facts,
    `what answers there is no control plane${status}`,
    facts.isCustomEndpoint ? "check --endpoint-url" : "does a web proxy or a portal answer in its place?",
  );
}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  ENOTFOUND: "host name not found",
  EAI_AGAIN: "the name server does not answer",
  ETIMEDOUT: "timed out",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  EPIPE: "connection closed",
};

function fromNetwork(error: unknown, facts: CallFacts): UnreachableError | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = codeOf(error);
  if (/WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG/.test(code)) {
    return unreachable(
      error,
      facts,
      "what answers there speaks no TLS",
      "check host and port of --endpoint-url",
    );
  }
  if (code === "CERT_NOT_YET_VALID" || code === "CERT_HAS_EXPIRED") {
    const clock = `by this machine's clock: ${new Date().toISOString()}`;
    const words = code === "CERT_HAS_EXPIRED" ? "has expired" : "is not valid yet";
    const hint = "is the clock of this machine set?";
    return unreachable(error, facts, `its certificate ${words}, ${clock}`, hint);
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL/.test(code)) {
    return unreachable(
      error,
      facts,
      error.message,
      "name the certificate authority with --ca FILE or AWS_CA_BUNDLE",
    );
  }
  if (code === "ENOTFOUND" && !facts.isCustomEndpoint) {
    return unreachable(
      error,
      facts,
      "host name not found",
      `is ${facts.region} a region with IoT secure tunneling? is the network up?`,
    );
  }
  const known = NETWORK[code] ?? (error.name === "TimeoutError" ? "no answer in time" : undefined);
  return known === undefined && code === "" && error.name === "Error"
    ? undefined
    : unreachable(error, facts, known ?? error.message);
}

/** Why a connection failed, in words. */
export function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = NETWORK[codeOf(error)] ?? (error.name === "TimeoutError" ? "no answer in time" : undefined);
  return known ?? error.message;
}

function codeOf(error: Error): string {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error && "code" in first ? String(first.code) : "";
}

function unreachable(cause: unknown, facts: CallFacts, reason: string, hint?: string): UnreachableError {
  const where = facts.host ?? `the control plane of ${facts.region}`;
  const fallback = facts.isCustomEndpoint
    ? "check --endpoint-url, or start it: tunnel serve-local"
    : (regionDoubt(facts.region) ?? "check the network, and HTTPS_PROXY if there is a web proxy");
  return new UnreachableError(`cannot reach ${where}: ${reason}`, { hint: hint ?? fallback, cause });
}

/** Neither an answer of the service nor a known failure: said as it is, under the endpoint's name. */
function unexpected(error: unknown, facts: CallFacts): UnreachableError {
  return unreachable(error, facts, error instanceof Error ? error.message : String(error));
}
