import {
  CLOCK_HINT,
  certificatePeriod,
  connectionReason,
  NO_TLS_HINT,
  speaksNoTls,
} from "../base/connection-reason.ts";
import { HandshakeError, UnreachableError } from "../base/errors.ts";
import { codeOf } from "../base/system-reason.ts";

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Whether TLS failed because of a certificate: trying again does not help. */
export function isCertificateFailure(error: unknown): boolean {
  // What was answered may have any words.
  if (error instanceof HandshakeError) return false;
  const text = `${codeOf(error)} ${error instanceof Error ? error.message : ""}`;
  return /CERT|SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|ERR_TLS|certificate|altnames/i.test(text);
}

/** A failure to reach an endpoint, in words, with what to check next. */
export function connectFailure(error: unknown, { host, port }: Target): UnreachableError {
  if (error instanceof UnreachableError) return error;
  const where = `${host}:${port}`;
  const text = error instanceof Error ? error.message : String(error);
  const period = certificatePeriod(error);
  if (period !== undefined) {
    return new UnreachableError(`the certificate of ${where} ${period}`, { hint: CLOCK_HINT, cause: error });
  }
  if (isCertificateFailure(error)) {
    return new UnreachableError(`the certificate of ${where} is not trusted: ${text}`, {
      hint: "name the certificate authority with --ca FILE, or with --local for a serve-local on this machine",
      cause: error,
    });
  }
  if (speaksNoTls(error)) {
    return new UnreachableError(`what answers at ${where} speaks no TLS`, {
      hint: NO_TLS_HINT,
      cause: error,
    });
  }
  return new UnreachableError(`cannot reach ${where}: ${connectionReason(error) ?? text}`, { cause: error });
}
