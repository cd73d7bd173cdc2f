import type { IncomingHttpHeaders } from "node:http";
import { Fault } from "../tunnels/fault.ts";
import { TARGET_PREFIX } from "./operations.ts";
import { type SignedRequest, type SigningKey, signatureFault } from "./signature.ts";

const ALGORITHM = "AWS4-HMAC-SHA256";
/** Signatures made longer before or after our own time are refused. A choice of ours: services of AWS differ. */
const MAX_CLOCK_SKEW_MS = 15 * 60_000;

/**
 * Checks all of Signature Version 4 that can be checked without secret keys: form, service, and time. The signature
 * itself is checkSignature's; unless the emulator is private any dummy credentials are good, and nobody can check it.
 * The region is free as well: clients are pointed here by an endpoint URL, whatever region they think they are in.
 * Throws UnrecognizedClientException for an unsigned call and InvalidSignatureException for a wrongly signed one.
 */
export function checkAuthorization(headers: IncomingHttpHeaders, now: number): void {
  const { authorization } = headers;
  if (authorization === undefined || authorization.trim() === "") {
    throw new Fault(
      "UnrecognizedClientException",
      "The request is not signed; any dummy credentials will do, e.g. AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local",
    );
  }
  const { scopeDate, service, signedHeaders } = parse(authorization);
  if (service !== TARGET_PREFIX) {
    throw invalid(`Credential should be scoped to correct service: '${TARGET_PREFIX}'`);
  }
  if (!signedHeaders.split(";").includes("host")) throw invalid("'host' must be a signed header");
  checkDate(headers["x-amz-date"], scopeDate, now);
}

/** Verifies the signature itself. Throws UnrecognizedClientException for another key, else InvalidSignatureException. */
export function checkSignature(request: SignedRequest, key: SigningKey): void {
  switch (signatureFault(request, key)) {
    case undefined:
      return;
    case "unknown-key":
      throw new Fault(
        "UnrecognizedClientException",
        "The security token included in the request is invalid: serve-local --private takes the key in its endpoint.json only",
      );
    case "wrong-signature":
      throw invalid(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method",
      );
  }
}

function parse(authorization: string): { scopeDate: string; service: string; signedHeaders: string } {
  const [algorithm = "", ...rest] = authorization.trim().split(/\s+/);
  if (algorithm !== ALGORITHM) throw invalid(`Authorization has to begin with ${ALGORITHM}`);
  const parts = new Map(
    rest
      .join(" ")
      .split(",")
      .map((part) => part.trim().split("=", 2) as [string, string | undefined]),
  );
  const [accessKeyId, scopeDate, region, service, terminator, ...more] = (
    parts.get("Credential") ?? ""
  ).split("/");
  const signedHeaders = parts.get("SignedHeaders") ?? "";
  if (!accessKeyId || !scopeDate || !region || !service || terminator !== "aws4_request" || more.length > 0) {
    throw invalid("Credential in Authorization has to be KEY/DATE/REGION/SERVICE/aws4_request");
  }
  if (signedHeaders === "" || !/^[0-9a-f]{64}$/.test(parts.get("Signature") ?? "")) {
    throw invalid("Authorization has to have SignedHeaders and a Signature of 64 hexadecimal digits");
  }
  return { scopeDate, service, signedHeaders };
}

function checkDate(header: string | string[] | undefined, scopeDate: string, now: number): void {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(typeof header === "string" ? header : "");
  if (match === null) throw invalid("X-Amz-Date has to be there, as YYYYMMDDThhmmssZ");
  const [stamp, year, month, day, hour, minute, second] = match;
  if (stamp.slice(0, 8) !== scopeDate) {
    throw invalid(`Date in Credential scope does not match X-Amz-Date: ${scopeDate}, ${stamp}`);
  }
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(signedAt)) throw invalid(`X-Amz-Date is no date: ${stamp}`);
  if (now - signedAt > MAX_CLOCK_SKEW_MS) {
    throw invalid(
      `Signature expired: ${stamp} is more than 15 minutes before ${new Date(now).toISOString()}`,
    );
  }
  if (signedAt - now > MAX_CLOCK_SKEW_MS) {
    throw invalid(
      `Signature not yet current: ${stamp} is more than 15 minutes after ${new Date(now).toISOString()}`,
    );
  }
}

function invalid(message: string): Fault {
  return new Fault("InvalidSignatureException", message);
}
