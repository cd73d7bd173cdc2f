import { describe, expect, test } from "bun:test";
import { brokerIn } from "../../../src/aws/broker-lookup.ts";

describe("the looked up endpoint", () => {
  test("is a host name and nothing else", () => {
    const answer = (endpointAddress: unknown) => ({
      status: 200,
      body: JSON.stringify({ endpointAddress }),
    });
    expect(brokerIn(answer("abc-ats.iot.eu-west-1.amazonaws.com"), "eu-west-1")).toContain("abc-ats");
    for (const endpoint of ["evil/host", "a:1", 5, ""]) {
      expect(() => brokerIn(answer(endpoint), "eu-west-1")).toThrow("failed with status 200");
    }
    for (const body of ["", "[]", "null"]) {
      expect(() => brokerIn({ status: 200, body }, "eu-west-1")).toThrow("failed with status 200");
    }
  });

  test("that may not be asked for names the permission", () => {
    const refused = () =>
      brokerIn({ status: 403, body: '{"message":"User is not authorized"}' }, "eu-west-1");
    expect(refused).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("iot:DescribeEndpoint") }),
    );
  });
});
