// When a call is sent again, and after how long: as the AWS CLI and the SDKs do it in their standard mode.

import { codeOf } from "../base/system-reason.ts";
import { ForeignAnswerError, ServiceFault } from "./service-call.ts";

/** Tries of one call. */
const MAX_TRIES = 3;
/** Longest wait before the second try; it doubles with each further one. */
const WAIT_MS = 100;
/** The same where the service asks for less haste. */
const THROTTLED_WAIT_MS = 500;
/** A clock that is off by less is not why a signature was refused. */
const MIN_SKEW_MS = 5 * 60_000;

/**
 * Names of the SDKs' list but for LimitExceededException: of this service it is a quota of tunnels, services or tags,
 * which does not pass in a second.
 */
const THROTTLING =
  /^(Throttling|ThrottlingException|ThrottledException|RequestThrottled|RequestThrottledException|TooManyRequestsException|ProvisionedThroughputExceededException|RequestLimitExceeded|BandwidthLimitExceeded|SlowDown|PriorRequestNotComplete|TransactionInProgressException)$/;
const TRANSIENT = /^(RequestTimeout|RequestTimeoutException)$/;
const TRANSIENT_STATUSES = [500, 502, 503, 504];
const TRANSIENT_CODES = ["ECONNRESET", "ECONNREFUSED", "EPIPE", "ETIMEDOUT"];
const CLOCK =
  /^(AuthFailure|InvalidSignatureException|RequestExpired|RequestInTheFuture|RequestTimeTooSkewed|SignatureDoesNotMatch)$/;

/** Whether an operation that was tried may have been done. */
export type Harm = "none" | "may-be-done-twice";

/**
 * How long to wait before a call is sent again, in ms; absent when its failure is the last word. What may be done twice
 * is sent again only where the service said that it did nothing.
 * @param tries how often it was sent
 * @param random from 0 to 1: callers that were refused together do not come back together
 */
export function waitBeforeRepeat(
  error: unknown,
  harm: Harm,
  tries: number,
  random: number,
): number | undefined {
  if (tries >= MAX_TRIES) return undefined;
  if (isThrottled(error)) return random * THROTTLED_WAIT_MS * 2 ** (tries - 1);
  return harm === "none" && isTransient(error) ? random * WAIT_MS * 2 ** (tries - 1) : undefined;
}

/** Whether the service, or a gateway before it, asks for less haste: nothing was done. */
export function isThrottled(error: unknown): boolean {
  if (error instanceof ForeignAnswerError) return error.status === 429;
  return error instanceof ServiceFault && (THROTTLING.test(error.name) || error.status === 429);
}

function isTransient(error: unknown): boolean {
  if (error instanceof ServiceFault) {
    return TRANSIENT.test(error.name) || TRANSIENT_STATUSES.includes(error.status);
  }
  if (error instanceof ForeignAnswerError) return TRANSIENT_STATUSES.includes(error.status);
  if (!(error instanceof Error)) return false;
  return error.name === "TimeoutError" || TRANSIENT_CODES.includes(codeOf(error));
}

/**
 * By how much the service's clock is ahead of ours, in ms, where that is why it refused a signature.
 * @param sentAtMs our time in the signature, as our clock has it
 */
export function clockSkew(error: unknown, sentAtMs: number): number | undefined {
  if (!(error instanceof ServiceFault) || error.serverTimeMs === undefined) return undefined;
  const skew = error.serverTimeMs - sentAtMs;
  return CLOCK.test(error.name) && Math.abs(skew) >= MIN_SKEW_MS ? skew : undefined;
}
