import { describe, expect, test } from "bun:test";
import { MemberError, readAnswer } from "../../../src/aws/answers.ts";
import type { OperationName } from "../../../src/aws/shapes.ts";

const TUNNEL = { tunnelId: "t-1", status: "OPEN", createdAt: 1_790_000_000.25 };

function failureOf(operation: OperationName, body: unknown): unknown {
  try {
    return readAnswer(operation, body);
  } catch (error) {
    return error;
  }
}

describe("a member that is needed is named", () => {
  test.each<[OperationName, body: unknown, member: string, isMissing: boolean]>([
    ["OpenTunnel", { sourceAccessToken: "s", destinationAccessToken: "d" }, "tunnelId", true],
    ["OpenTunnel", { tunnelId: "t", destinationAccessToken: "d" }, "sourceAccessToken", true],
    ["OpenTunnel", { tunnelId: "t", sourceAccessToken: "s" }, "destinationAccessToken", true],
    ["OpenTunnel", { tunnelId: 7 }, "tunnelId", false],
    ["DescribeTunnel", {}, "tunnel", true],
    ["DescribeTunnel", { tunnel: [] }, "tunnel", false],
    ["DescribeTunnel", { tunnel: { ...TUNNEL, status: null } }, "tunnel.status", true],
    ["DescribeTunnel", { tunnel: { tunnelId: "t", status: "OPEN" } }, "tunnel.createdAt", true],
    ["DescribeTunnel", { tunnel: { ...TUNNEL, createdAt: "now" } }, "tunnel.createdAt", false],
    ["DescribeTunnel", { tunnel: { ...TUNNEL, createdAt: 1e300 } }, "tunnel.createdAt", false],
    [
      "DescribeTunnel",
      { tunnel: { ...TUNNEL, destinationConfig: { thingName: "x" } } },
      "tunnel.destinationConfig.services",
      true,
    ],
    [
      "DescribeTunnel",
      { tunnel: { ...TUNNEL, destinationConfig: { services: ["SSH", 5] } } },
      "tunnel.destinationConfig.services[1]",
      false,
    ],
    ["DescribeTunnel", { tunnel: { ...TUNNEL, tags: [{ key: "k" }] } }, "tunnel.tags[0].value", true],
    ["ListTunnels", {}, "tunnelSummaries", true],
    ["ListTunnels", { tunnelSummaries: "none" }, "tunnelSummaries", false],
    ["ListTunnels", { tunnelSummaries: [TUNNEL, {}] }, "tunnelSummaries[1].tunnelId", true],
    ["ListTunnels", { tunnelSummaries: [], nextToken: {} }, "nextToken", false],
    ["ListTagsForResource", { tags: [{ value: "v" }] }, "tags[0].key", true],
  ])("%s %j", (operation, body, member, isMissing) => {
    const error = failureOf(operation, body);
    expect(error).toBeInstanceOf(MemberError);
    expect(error).toMatchObject({ member, isMissing });
  });

  test("and nothing that every object has is taken for one", () => {
    expect(failureOf("DescribeTunnel", Object.create({ tunnel: TUNNEL }))).toMatchObject({
      member: "tunnel",
    });
  });
});

describe("an answer", () => {
  test("has its times as dates, and nothing that is null or not known", () => {
    const tunnel = { ...TUNNEL, description: null, tags: [], more: 1, __proto__: { x: 1 } };
    expect(readAnswer("DescribeTunnel", { tunnel, extra: true })).toStrictEqual({
      tunnel: { tunnelId: "t-1", status: "OPEN", tags: [], createdAt: new Date(1_790_000_000_250) },
    });
  });

  test("may have a state that is not known yet", () => {
    const tunnel = { ...TUNNEL, status: "PAUSED", sourceConnectionState: {} };
    expect(readAnswer("DescribeTunnel", { tunnel }).tunnel).toMatchObject({ status: "PAUSED" });
  });

  test.each<OperationName>(["CloseTunnel", "TagResource", "UntagResource"])(
    "to %s has no members",
    (name) => {
      expect(readAnswer(name, { anything: 1 })).toStrictEqual({});
    },
  );
});
