import { describe, expect, test } from "bun:test";
import { type AwsService, hostOf } from "../../../src/aws/endpoints.ts";

const [FIPS, DUAL] = [
  { fips: true, dualStack: false },
  { fips: false, dualStack: true },
];
const BOTH = { fips: true, dualStack: true };

describe("hosts", () => {
  test.each([
    ["controlPlane", "eu-west-1", undefined, "api.tunneling.iot.eu-west-1.amazonaws.com"],
    ["controlPlane", "us-east-1", FIPS, "api.tunneling.iot-fips.us-east-1.amazonaws.com"],
    ["controlPlane", "eu-west-1", DUAL, "api.iot-tunneling.eu-west-1.api.aws"],
    ["controlPlane", "us-gov-west-1", BOTH, "api.iot-tunneling-fips.us-gov-west-1.api.aws"],
    ["controlPlane", "cn-north-1", DUAL, "api.iot-tunneling.cn-north-1.api.amazonwebservices.com.cn"],
    ["controlPlane", "us-iso-east-1", FIPS, "api.tunneling.iot-fips.us-iso-east-1.c2s.ic.gov"],
    ["controlPlane", "us-isob-east-1", undefined, "api.tunneling.iot.us-isob-east-1.sc2s.sgov.gov"],
    ["controlPlane", "us-iso-east-1", DUAL, "api.tunneling.iot.us-iso-east-1.api.aws.ic.gov"],
    ["controlPlane", "eusc-de-east-1", undefined, "api.tunneling.iot.eusc-de-east-1.amazonaws.eu"],
    ["dataPlane", "eu-west-1", undefined, "data.tunneling.iot.eu-west-1.amazonaws.com"],
    ["dataPlane", "us-gov-east-1", undefined, "data.tunneling.iot.us-gov-east-1.amazonaws.com"],
    ["dataPlane", "ap-southeast-12", undefined, "data.tunneling.iot.ap-southeast-12.amazonaws.com"],
    ["dataPlane", "cn-northwest-1", undefined, "data.tunneling.iot.cn-northwest-1.amazonaws.com.cn"],
    ["dataPlane", "us-east-1", FIPS, "data.tunneling.iot-fips.us-east-1.amazonaws.com"],
    ["dataPlane", "us-east-1", DUAL, "data.tunneling.iot.us-east-1.amazonaws.com"],
    ["dataPlane", "us-east-1", BOTH, "data.tunneling.iot-fips.us-east-1.amazonaws.com"],
    ["dataPlane", "us-iso-east-1", undefined, "data.tunneling.iot.us-iso-east-1.c2s.ic.gov"],
    ["iot", "cn-north-1", undefined, "iot.cn-north-1.amazonaws.com.cn"],
    ["iot", "us-east-1", FIPS, "iot-fips.us-east-1.amazonaws.com"],
    ["iot", "cn-north-1", BOTH, "iot-fips.cn-north-1.api.amazonwebservices.com.cn"],
    ["sts", "eu-west-1", undefined, "sts.eu-west-1.amazonaws.com"],
    ["sts", "us-west-2", FIPS, "sts-fips.us-west-2.amazonaws.com"],
    ["sts", "us-gov-west-1", FIPS, "sts.us-gov-west-1.amazonaws.com"],
    ["sts", "us-gov-west-1", BOTH, "sts-fips.us-gov-west-1.api.aws"],
    ["sso", "us-east-1", FIPS, "portal.sso-fips.us-east-1.amazonaws.com"],
    ["ssoOidc", "cn-north-1", DUAL, "oidc.cn-north-1.api.amazonwebservices.com.cn"],
  ] as const)("%s of %s %p", (service: AwsService, region, variant, host) => {
    expect(hostOf(service, region, variant)).toBe(host);
  });
});

describe("nothing that could lead to another host is a region", () => {
  test.each([
    "",
    "eu-wst",
    "eu-west-1.evil.test",
    "evil.test/eu-west-1",
    "eu-west-1@evil.test",
    "eu-west-1:1",
    "eu-west-1\n",
    "EU-WEST-1",
    "eu_west_1",
    "-eu-west-1",
    `eu-${"w".repeat(50)}-1`,
  ])("%p", (text) => {
    expect(() => hostOf("dataPlane", text)).toThrow();
  });
});
