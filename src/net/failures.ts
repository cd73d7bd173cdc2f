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

/** Whether TLS failed because what answers does not speak it. */
export function speaksNoTls(error: unknown): boolean {
  return /WRONG_VERSION_NUMBER|HTTP_REQUEST|PACKET_LENGTH_TOO_LONG/.test(codeOf(error));
}

/** A failure to reach an endpoint, in words, with what to check next. */
export function connectFailure(error: unknown, { host, port }: Target): UnreachableError {
  if (error instanceof UnreachableError) return error;
  const where = `${host}:${port}`;
  const text = error instanceof Error ? error.message : String(error);
  const period = PERIODS[codeOf(error)];
  if (period !== undefined) {
    return new UnreachableError(`the certificate of ${where} ${period}, by this machine's clock: ${now()}`, {
      hint: "is the clock of this machine set?",
      cause: error,
    });
  }
  if (isCertificateFailure(error)) {
    return new UnreachableError(`the certificate of ${where} is not trusted: ${text}`, {
      hint: "name the certificate authority with --ca FILE, or with --local for a serve-local on this machine",
      cause: error,
    });
  }
  if (speaksNoTls(error)) {
    return new UnreachableError(`what answers at ${where} speaks no TLS`, {
      hint: "check host and port of the endpoint",
      cause: error,
    });
  }
  const sentence =
    nameFailure(error) ?? SENTENCES[codeOf(error)] ?? (isTimeout(error) ? "no answer in time" : text);
  return new UnreachableError(`cannot reach ${where}: ${sentence}`, { cause: error });
}

/** Why a host name was not found, in words; undefined when it was not for that. */
export function nameFailure(error: unknown): string | undefined {
  const code = codeOf(error);
  if (code === "ENOTFOUND") return "host name not found";
  return code === "EAI_AGAIN" ? "the name server does not answer" : undefined;
}

const PERIODS: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID: "is not valid yet",
  CERT_HAS_EXPIRED: "has expired",
};

function now(): string {
  return new Date().toISOString();
}

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ETIMEDOUT: "timed out",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ECONNRESET: "connection reset",
};

/** What AbortSignal.timeout() gives as its reason. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === "TimeoutError";
}
