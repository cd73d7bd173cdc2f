// Why a connection failed, in words.

import { codeOf } from "../base/system-reason.ts";

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

/** What went wrong between here and a host, and what to check where that is plain. */
export interface NetworkReason {
  readonly reason: string;
  readonly hint?: string | undefined;
}

/** Absent for what is no failure of a connection. */
export function networkReason(error: unknown): NetworkReason | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = codeOf(error);
  if (/WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG/.test(code)) {
    return {
      reason: "what answers there speaks no TLS",
      hint: "check host and port of the endpoint",
    };
  }
  if (code === "CERT_NOT_YET_VALID" || code === "CERT_HAS_EXPIRED") {
    const words = code === "CERT_HAS_EXPIRED" ? "has expired" : "is not valid yet";
    return {
      reason: `its certificate ${words}, by this machine's clock: ${new Date().toISOString()}`,
      hint: "is the clock of this machine set?",
    };
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL/.test(code)) {
    return {
      reason: error.message,
      hint: "name the certificate authority with --ca FILE or AWS_CA_BUNDLE",
    };
  }
  const known = REASONS[code] ?? (error.name === "TimeoutError" ? "no answer in time" : undefined);
  if (known !== undefined) return { reason: known };
  return code === "" && error.name === "Error" ? undefined : { reason: error.message };
}
