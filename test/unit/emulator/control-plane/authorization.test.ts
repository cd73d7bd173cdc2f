import { describe, expect, test } from "bun:test";
import { checkAuthorization } from "../../../../src/emulator/control-plane/authorization.ts";
import { Fault } from "../../../../src/emulator/tunnels/fault.ts";
import { signedHeaders } from "../../../helpers/emulator.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const MINUTE_MS = 60_000;

function refusal(headers: Record<string, string | undefined>, now = NOW): string {
  try {
    checkAuthorization(headers, now);
    return "none";
  } catch (error) {
    return error instanceof Fault ? error.type : String(error);
  }
}

describe("authorization", () => {
  const signed = signedHeaders("ListTunnels", NOW);
  const edit = (from: string | RegExp, to: string) => ({
    ...signed,
    authorization: signed["authorization"]?.replace(from, to),
  });

  const rows: [string, string, Record<string, string | undefined>][] = [
    ["a call signed with any keys", "none", signed],
    ["any region", "none", edit("us-east-1", "eu-central-1")],
    ["parts separated by commas alone", "none", edit(/, /g, ",")],
    ["no signature", "UnrecognizedClientException", { ...signed, authorization: undefined }],
    ["an empty signature", "UnrecognizedClientException", { ...signed, authorization: "" }],
    ["a password", "InvalidSignatureException", { ...signed, authorization: "Basic dXNlcjpwYXNz" }],
    ["another algorithm", "InvalidSignatureException", edit("HMAC-SHA256", "ECDSA-P256-SHA256")],
    ["the scope of another service", "InvalidSignatureException", edit("IoTSecuredTunneling", "iot")],
    ["a scope without end", "InvalidSignatureException", edit("/aws4_request", "")],
    ["a scope without key", "InvalidSignatureException", edit("Credential=LOCAL", "Credential=")],
    ["no credential", "InvalidSignatureException", edit("Credential=", "Creds=")],
    ["no signed headers", "InvalidSignatureException", edit("SignedHeaders", "Headers")],
    ["a host that is not signed", "InvalidSignatureException", edit("host;", "")],
    ["a short signature", "InvalidSignatureException", edit("0".repeat(64), "0".repeat(63))],
    ["no date", "InvalidSignatureException", { ...signed, "x-amz-date": undefined }],
    ["a date that is none", "InvalidSignatureException", { ...signed, "x-amz-date": "20260101T999999Z" }],
    ["a date other than the scope's", "InvalidSignatureException", edit("20260101", "20260102")],
  ];
  test.each(rows)("with %s: %s", (_title, expected, headers) => {
    expect(refusal(headers)).toBe(expected);
  });

  test("is good for 15 minutes before and after", () => {
    for (const minutes of [-15, 15]) {
      expect(refusal(signed, NOW + minutes * MINUTE_MS)).toBe("none");
      expect(refusal(signed, NOW + minutes * MINUTE_MS + Math.sign(minutes))).toBe(
        "InvalidSignatureException",
      );
    }
  });
});
