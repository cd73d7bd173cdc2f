// Why a connection failed, in words.

import {
  CLOCK_HINT,
  certificatePeriod,
  connectionReason,
  NO_TLS_HINT,
  speaksNoTls,
} from "../base/connection-reason.ts";
import { codeOf } from "../base/system-reason.ts";

/** What went wrong between here and a host, and what to check where that is plain. */
export interface NetworkReason {
  readonly reason: string;
  readonly hint?: string | undefined;
}

/** Absent for what is no failure of a connection. */
export function networkReason(error: unknown): NetworkReason | undefined {
  if (!(error instanceof Error)) return undefined;
  if (speaksNoTls(error)) return { reason: "what answers there speaks no TLS", hint: NO_TLS_HINT };
  const period = certificatePeriod(error);
  if (period !== undefined) return { reason: `its certificate ${period}`, hint: CLOCK_HINT };
  const code = codeOf(error);
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL/.test(code)) {
    return {
      reason: error.message,
      hint: "name the certificate authority with --ca FILE or AWS_CA_BUNDLE",
    };
  }
  const known = connectionReason(error);
  if (known !== undefined) return { reason: known };
  return code === "" && error.name === "Error" ? undefined : { reason: error.message };
}
