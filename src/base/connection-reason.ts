// Why a connection failed, in words: the same ones for the data plane and for calls of AWS.

import { codeOf } from "./system-reason.ts";

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  ENOTFOUND: "host name not found",
  EAI_AGAIN: "the name server does not answer",
  ETIMEDOUT: "timed out",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  EPIPE: "connection closed",
};

/** Why a host could not be reached, in words; undefined where there are none of ours. */
export function connectionReason(error: unknown): string | undefined {
  const known = REASONS[codeOf(error)];
  if (known !== undefined) return known;
  // What AbortSignal.timeout() gives as its reason.
  return error instanceof Error && error.name === "TimeoutError" ? "no answer in time" : undefined;
}

/** Why a host name was not found, in words; undefined when it was not for that. */
export function nameFailure(error: unknown): string | undefined {
  const code = codeOf(error);
  return code === "ENOTFOUND" || code === "EAI_AGAIN" ? REASONS[code] : undefined;
}

/** What to check where `speaksNoTls`. */
export const NO_TLS_HINT = "check host and port of the endpoint";

/** Whether TLS failed because what answers does not speak it. */
export function speaksNoTls(error: unknown): boolean {
  return /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG/.test(codeOf(error));
}

const PERIODS: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID: "is not valid yet",
  CERT_HAS_EXPIRED: "has expired",
};

/** What to check where a certificate is out of its period. */
export const CLOCK_HINT = "is the clock of this machine set?";

/** How a certificate is out of its period, after its name in a sentence; undefined when TLS failed for another reason. */
export function certificatePeriod(error: unknown): string | undefined {
  const period = PERIODS[codeOf(error)];
  return period && `${period}, by this machine's clock: ${new Date().toISOString()}`;
}
