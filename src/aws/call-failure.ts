// What a call to the control plane throws → our errors, with what to do next.

import { type ErrorCode, ServiceError, TunnelError, UnreachableError } from "../base/errors.ts";
import { codeOf } from "../base/system-reason.ts";
import { MemberError } from "./answers.ts";
import { TooLongError } from "./http.ts";
import { networkReason } from "./network-reason.ts";
import { regionDoubt } from "./regions.ts";
import { isThrottled } from "./repeat.ts";
import { ForeignAnswerError, ServiceFault } from "./service-call.ts";

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
  if (error instanceof ServiceFault) return fromFault(error, facts);
  if (error instanceof MemberError) return fromMember(error, facts);
  return fromForeignAnswer(error, facts) ?? fromNetwork(error, facts);
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ResourceNotFoundException: "ERR_NOT_FOUND",
  LimitExceededException: "ERR_LIMIT",
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

function fromFault(error: ServiceFault, facts: CallFacts): ServiceError {
  const code = CODES[error.name] ?? (isThrottled(error) ? "ERR_LIMIT" : "ERR_SERVICE");
  const reason = error.message === "" ? `HTTP status ${error.status}` : error.message;
  return new ServiceError(code, `${sentence(code, error, facts)}: ${reason}`, {
    awsCode: error.name,
    requestId: error.requestId,
    hint: hintFor(code, error, facts),
    cause: error,
  });
}

/** An answer that lacks what the service promises. */
function fromMember(error: MemberError, facts: CallFacts): ServiceError {
  const { operation, host, region } = facts;
  const what = error.isMissing ? `has no ${error.member}` : `has a ${error.member} of another type`;
  return new ServiceError("ERR_SERVICE", `the answer to ${operation} of ${host ?? region} ${what}`, {
    awsCode: "IncompleteAnswer",
    hint: foreignHint(facts),
    cause: error,
  });
}

function sentence(
  code: ErrorCode,
  error: ServiceFault,
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

function hintFor(code: ErrorCode, error: ServiceFault, facts: CallFacts): string | undefined {
  switch (code) {
    case "ERR_NOT_FOUND":
      return "tunnel list shows what is there; a tunnel is found in its own region only: --region";
    case "ERR_DENIED":
      return `the identity needs a policy that allows iot:${facts.operation}; aws sts get-caller-identity shows who you are`;
    case "ERR_CREDENTIALS":
      return credentialsHint(error.name, error.message);
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
      if (error.status >= 500) {
        return "the service has trouble of its own, its log tells more; try again in a moment";
      }
      return foreignHint(facts);
  }
}

function foreignHint({ isCustomEndpoint }: CallFacts): string | undefined {
  return isCustomEndpoint ? NO_CONTROL_PLANE : undefined;
}

const NO_CONTROL_PLANE = "is this the control plane of IoT secure tunneling? check --endpoint-url";

/** What to do about credentials that were refused with an exception of this name. */
export function credentialsHint(name: string, message = ""): string {
  if (/skew|RequestExpired|RequestTime/i.test(name) || /expired: \d{8}T|not yet current/i.test(message)) {
    return "the clock of this machine is wrong; tunnel doctor says by how much";
  }
  return /expired/i.test(name)
    ? "get new ones, e.g. aws sso login, and check AWS_SESSION_TOKEN"
    : "check AWS_PROFILE or --profile, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN";
}

/** Answers that cannot be the service's. */
function fromForeignAnswer(error: unknown, facts: CallFacts): TunnelError | undefined {
  if (error instanceof TooLongError) {
    const limit = `${error.maxBytes / 1024 / 1024} MiB`;
    return new UnreachableError(`the control plane answers with more than ${limit}`, {
      hint: NO_CONTROL_PLANE,
    });
  }
  if (!(error instanceof ForeignAnswerError)) return undefined;
  if (isThrottled(error)) {
    const where = facts.host ?? facts.region;
    return new TunnelError("ERR_LIMIT", `${where} asks for less haste (HTTP status ${error.status})`, {
      hint: "wait a moment and try again",
      cause: error,
    });
  }
  return unreachable(
    error,
    facts,
    `what answers there is no control plane (HTTP status ${error.status})`,
    facts.isCustomEndpoint ? "check --endpoint-url" : "does a web proxy or a portal answer in its place?",
  );
}

/** A failure of the connection; what is none is said as it is, under the endpoint's name. */
function fromNetwork(error: unknown, facts: CallFacts): UnreachableError {
  const known = networkReason(error);
  const isUnknownHost = codeOf(error) === "ENOTFOUND" && !facts.isCustomEndpoint;
  const hint = isUnknownHost
    ? `is ${facts.region} a region with IoT secure tunneling? is the network up?`
    : known?.hint;
  return unreachable(
    error,
    facts,
    known?.reason ?? (error instanceof Error ? error.message : String(error)),
    hint,
  );
}

function unreachable(cause: unknown, facts: CallFacts, reason: string, hint?: string): UnreachableError {
  const where = facts.host ?? `the control plane of ${facts.region}`;
  const fallback = facts.isCustomEndpoint
    ? "check --endpoint-url, or start it: tunnel serve-local"
    : (regionDoubt(facts.region) ?? "check the network, and HTTPS_PROXY if there is a web proxy");
  return new UnreachableError(`cannot reach ${where}: ${reason}`, { hint: hint ?? fallback, cause });
}
