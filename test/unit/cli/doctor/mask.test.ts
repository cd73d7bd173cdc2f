import { describe, expect, test } from "bun:test";
import { mask } from "../../../../src/cli/doctor/mask.ts";

describe("mask", () => {
  test.each([
    ["access key AKIAIOSFODNN7EXAMPLE", "access key AKIA…"],
    ["temporary ASIAIOSFODNN7EXAMPLE.", "temporary ASIA…."],
    ["arn:aws:iam::123456789012:user/jane", "arn:aws:iam::********9012:user/jane"],
    ["wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12", "[redacted]"],
    [`"${"A".repeat(3_000)}=="`, '"[redacted]"'],
    ["http://user:secret@proxy:3128/", "http://[redacted]@proxy:3128/"],
    ["cannot read /home/jane/ca.pem", "cannot read ~/ca.pem"],
  ])("%s", (text, masked) => {
    expect(mask(text, "/home/jane")).toBe(masked);
  });

  test.each([
    "region eu-west-1, port 8443, status 400",
    "1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d",
    "data.tunneling.iot.cn-northwest-1.amazonaws.com.cn:443",
    "the certificate expired on 2027-12-24",
  ])("leaves %s", (text) => {
    expect(mask(text, "/home/jane")).toBe(text);
    expect(mask(text, undefined)).toBe(text);
    expect(mask(text, "/")).toBe(text);
  });
});
