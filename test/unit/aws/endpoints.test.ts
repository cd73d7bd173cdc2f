import { describe, expect, test } from "bun:test";
import { dataPlaneHost } from "../../../src/aws/endpoints.ts";

test.each([
  ["eu-west-1", "data.tunneling.iot.eu-west-1.amazonaws.com"],
  ["us-gov-east-1", "data.tunneling.iot.us-gov-east-1.amazonaws.com"],
  ["ap-southeast-12", "data.tunneling.iot.ap-southeast-12.amazonaws.com"],
  ["cn-north-1", "data.tunneling.iot.cn-north-1.amazonaws.com.cn"],
  ["cn-northwest-1", "data.tunneling.iot.cn-northwest-1.amazonaws.com.cn"],
])("%s", (region, host) => {
  expect(dataPlaneHost(region)).toBe(host);
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
    expect(() => dataPlaneHost(text)).toThrow();
  });
});
