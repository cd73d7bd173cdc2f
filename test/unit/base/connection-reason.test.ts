import { describe, expect, test } from "bun:test";
import { networkReason } from "../../../src/aws/network-reason.ts";
import {
  certificatePeriod,
  connectionReason,
  nameFailure,
  speaksNoTls,
} from "../../../src/base/connection-reason.ts";
import { connectFailure } from "../../../src/net/failures.ts";

const failure = (code: string) => Object.assign(new Error(`raw words of ${code}`), { code });

describe("why a connection failed", () => {
  test.each(["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT", "EHOSTUNREACH", "EPIPE"])(
    "%s is told in the same words by the data plane and by a call of AWS",
    (code) => {
      const words = connectionReason(failure(code));
      expect(typeof words).toBe("string");
      expect(networkReason(failure(code))).toEqual({ reason: words as string });
      expect(connectFailure(failure(code), { host: "h", port: 1 }).message).toBe(
        `cannot reach h:1: ${words}`,
      );
    },
  );

  test("only a name that is not found is a failure of a name", () => {
    expect(nameFailure(failure("ENOTFOUND"))).toBe("host name not found");
    expect(nameFailure(failure("EAI_AGAIN"))).toBe("the name server does not answer");
    expect(nameFailure(failure("ECONNREFUSED"))).toBeUndefined();
  });

  test("a certificate out of its period is told with the time that this machine has", () => {
    expect(certificatePeriod(failure("CERT_HAS_EXPIRED"))).toMatch(
      /^has expired, by this machine's clock: \d{4}-/,
    );
    expect(certificatePeriod(failure("CERT_NOT_YET_VALID"))).toStartWith("is not valid yet, ");
    expect(certificatePeriod(failure("CERT_REVOKED"))).toBeUndefined();
  });

  test("what is no TLS and what has no words of ours", () => {
    expect(speaksNoTls(failure("ERR_SSL_WRONG_VERSION_NUMBER"))).toBe(true);
    expect(speaksNoTls(failure("ECONNRESET"))).toBe(false);
    expect(connectionReason(failure("EOTHER"))).toBeUndefined();
    expect(connectionReason("no error")).toBeUndefined();
  });
});
