import { describe, expect, test } from "bun:test";
import type { OperationName } from "../../../../src/aws/shapes.ts";
import { runOperation } from "../../../../src/emulator/control-plane/operations.ts";
import { Fault } from "../../../../src/emulator/tunnels/fault.ts";
import { makeTunnels } from "../../../helpers/emulator.ts";

function run(name: OperationName, request: unknown): object {
  return runOperation(name, request, makeTunnels().tunnels);
}

function faultOf(name: OperationName, request: unknown): Fault {
  try {
    run(name, request);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error(`${name} took ${JSON.stringify(request)}`);
}

/** The sentence about one wrong value. */
function violation(value: string, path: string, constraint: string): string {
  return `1 validation error detected: Value ${value} at '${path}' failed to satisfy constraint: Member must ${constraint}`;
}

const ID = "0".repeat(8);
const ARN = "arn:aws:iot:eu-west-1:111122223333:tunnel/x";
const TAG_PATTERN = "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$";
const regex = (pattern: string) => `satisfy regular expression pattern: ${pattern}`;
const atMost = (limit: number) => `have length less than or equal to ${limit}`;
const atLeast = (limit: number) => `have length greater than or equal to ${limit}`;
const services = (...names: unknown[]) => ({ destinationConfig: { services: names } });
const lifetime = (maxLifetimeTimeoutMinutes: unknown) => ({ timeoutConfig: { maxLifetimeTimeoutMinutes } });
const tags = (...given: unknown[]) => ({ tags: given });
const manyTags = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `${i}`, value: "" }));

const WRONG: [OperationName, unknown, string, string, string][] = [
  ["OpenTunnel", { description: "" }, "''", "description", regex("[^\\p{C}]{1,2048}")],
  ["OpenTunnel", { description: "a\tb" }, "'a\\u0009b'", "description", regex("[^\\p{C}]{1,2048}")],
  ["OpenTunnel", { description: 7 }, "'7'", "description", "be a string"],
  [
    "OpenTunnel",
    lifetime(0),
    "'0'",
    "timeoutConfig.maxLifetimeTimeoutMinutes",
    "have value greater than or equal to 1",
  ],
  [
    "OpenTunnel",
    lifetime(721),
    "'721'",
    "timeoutConfig.maxLifetimeTimeoutMinutes",
    "have value less than or equal to 720",
  ],
  ["OpenTunnel", lifetime(1.5), "'1.5'", "timeoutConfig.maxLifetimeTimeoutMinutes", "be an integer"],
  ["OpenTunnel", lifetime("60"), "'60'", "timeoutConfig.maxLifetimeTimeoutMinutes", "be an integer"],
  ["OpenTunnel", { timeoutConfig: 60 }, "'60'", "timeoutConfig", "be a structure"],
  ["OpenTunnel", { destinationConfig: {} }, "null", "destinationConfig.services", "not be null"],
  ["OpenTunnel", services(), "'[]'", "destinationConfig.services", atLeast(1)],
  ["OpenTunnel", services("a b"), "'a b'", "destinationConfig.services.1.member", regex("[a-zA-Z0-9:_-]+")],
  [
    "OpenTunnel",
    services("a\n"),
    "'a\\u000a'",
    "destinationConfig.services.1.member",
    regex("[a-zA-Z0-9:_-]+"),
  ],
  [
    "OpenTunnel",
    services("SSH", "x".repeat(129)),
    `'${"x".repeat(128)}…'`,
    "destinationConfig.services.2.member",
    atMost(128),
  ],
  ["OpenTunnel", services(null), "null", "destinationConfig.services.1.member", "not be null"],
  ["OpenTunnel", services(["SSH"]), `'["SSH"]'`, "destinationConfig.services.1.member", "be a string"],
  [
    "OpenTunnel",
    { destinationConfig: { services: "SSH" } },
    "'SSH'",
    "destinationConfig.services",
    "be a list",
  ],
  [
    "OpenTunnel",
    { destinationConfig: { services: ["SSH"], thingName: "pump 7" } },
    "'pump 7'",
    "destinationConfig.thingName",
    regex("[a-zA-Z0-9:_-]+"),
  ],
  ["OpenTunnel", tags(), "'[]'", "tags", atLeast(1)],
  ["OpenTunnel", tags({ value: "v" }), "null", "tags.1.member.key", "not be null"],
  ["OpenTunnel", tags({ key: "k" }), "null", "tags.1.member.value", "not be null"],
  ["OpenTunnel", tags({ key: "k", value: null }), "null", "tags.1.member.value", "not be null"],
  ["OpenTunnel", tags({ key: "", value: "" }), "''", "tags.1.member.key", atLeast(1)],
  [
    "OpenTunnel",
    tags({ key: "k".repeat(129), value: "" }),
    `'${"k".repeat(128)}…'`,
    "tags.1.member.key",
    atMost(128),
  ],
  [
    "OpenTunnel",
    tags({ key: "k", value: "v".repeat(257) }),
    `'${"v".repeat(128)}…'`,
    "tags.1.member.value",
    atMost(256),
  ],
  ["OpenTunnel", tags({ key: "k!", value: "" }), "'k!'", "tags.1.member.key", regex(TAG_PATTERN)],
  [
    "OpenTunnel",
    tags({ key: "k", value: "a\u0000" }),
    "'a\\u0000'",
    "tags.1.member.value",
    regex(TAG_PATTERN),
  ],
  ["OpenTunnel", [], "'[]'", "request", "be a structure"],
  ["OpenTunnel", null, "null", "request", "be a structure"],
  ["RotateTunnelAccessToken", { clientMode: "ALL" }, "null", "tunnelId", "not be null"],
  ["RotateTunnelAccessToken", { tunnelId: ID }, "null", "clientMode", "not be null"],
  [
    "RotateTunnelAccessToken",
    { tunnelId: ID, clientMode: "source" },
    "'source'",
    "clientMode",
    "satisfy enum value set: [SOURCE, DESTINATION, ALL]",
  ],
  ["DescribeTunnel", {}, "null", "tunnelId", "not be null"],
  ["DescribeTunnel", { tunnelId: null }, "null", "tunnelId", "not be null"],
  ["DescribeTunnel", { tunnelId: "a/b" }, "'a/b'", "tunnelId", regex("[a-zA-Z0-9_\\-+=:]{1,128}")],
  ["DescribeTunnel", { tunnelId: "" }, "''", "tunnelId", regex("[a-zA-Z0-9_\\-+=:]{1,128}")],
  ["ListTunnels", { maxResults: 0 }, "'0'", "maxResults", "have value greater than or equal to 1"],
  ["ListTunnels", { maxResults: 101 }, "'101'", "maxResults", "have value less than or equal to 100"],
  ["ListTunnels", { maxResults: JSON.parse("1e400") }, "'Infinity'", "maxResults", "be an integer"],
  ["ListTunnels", { thingName: "x".repeat(129) }, `'${"x".repeat(128)}…'`, "thingName", atMost(128)],
  ["ListTunnels", { nextToken: "a+b" }, "'a+b'", "nextToken", regex("[a-zA-Z0-9_=-]{1,4096}")],
  ["CloseTunnel", { delete: true }, "null", "tunnelId", "not be null"],
  ["CloseTunnel", { tunnelId: ID, delete: "true" }, "'true'", "delete", "be a boolean"],
  ["TagResource", tags({ key: "k", value: "" }), "null", "resourceArn", "not be null"],
  ["TagResource", { resourceArn: ARN }, "null", "tags", "not be null"],
  ["TagResource", { resourceArn: "", tags: manyTags(1) }, "''", "resourceArn", atLeast(1)],
  ["UntagResource", { resourceArn: ARN }, "null", "tagKeys", "not be null"],
  ["UntagResource", { resourceArn: ARN, tagKeys: ["k!"] }, "'k!'", "tagKeys.1.member", regex(TAG_PATTERN)],
  ["ListTagsForResource", {}, "null", "resourceArn", "not be null"],
  [
    "ListTagsForResource",
    { resourceArn: "a".repeat(1012) },
    `'${"a".repeat(128)}…'`,
    "resourceArn",
    atMost(1011),
  ],
];

describe("a request that breaks a constraint", () => {
  test.each(WRONG.map((row) => [`${row[0]}: ${row[3]} has to ${row[4]}`, ...row] as const))(
    "%s",
    (_title, name, request, value, path, constraint) => {
      expect(faultOf(name, request)).toMatchObject({
        type: "ValidationException",
        status: 400,
        message: violation(value, path, constraint),
      });
    },
  );

  test("of list size says the limit", () => {
    const tooMany: [OperationName, unknown][] = [
      ["OpenTunnel", { tags: manyTags(201) }],
      ["TagResource", { resourceArn: ARN, tags: manyTags(201) }],
      ["UntagResource", { resourceArn: ARN, tagKeys: Array(201).fill("k") }],
    ];
    for (const [name, request] of tooMany) {
      expect(faultOf(name, request).message).toMatch(/Member must have length less than or equal to 200$/);
    }
  });

  test("of several members names each, but not hundreds", () => {
    const { message } = faultOf("RotateTunnelAccessToken", {});
    expect(message).toMatch(/^2 validation errors detected: Value null at 'tunnelId'/);
    expect(message).toContain("; Value null at 'clientMode'");
    const long = faultOf("OpenTunnel", { tags: Array(200).fill({ key: "!", value: "" }) }).message;
    expect(long).toMatch(/^200 validation errors detected: /);
    expect(long.length).toBeLessThan(3_000);
  });

  test("of a rule beside the model is a ValidationException too", () => {
    const withSource = { tunnelId: ID, clientMode: "SOURCE", destinationConfig: { services: ["SSH"] } };
    expect(faultOf("RotateTunnelAccessToken", withSource).type).toBe("ValidationException");
    for (const nextToken of ["abc", "YmVmb3JlOg", "YmVmb3JlOi0x", "="]) {
      expect(faultOf("ListTunnels", { nextToken }).type).toBe("ValidationException");
    }
  });
});

const RIGHT: [OperationName, unknown][] = [
  ["OpenTunnel", {}],
  ["OpenTunnel", { description: "é".repeat(2048) }],
  ["OpenTunnel", { description: "😀".repeat(2048) }],
  ["OpenTunnel", lifetime(1)],
  ["OpenTunnel", lifetime(720)],
  ["OpenTunnel", { timeoutConfig: {} }],
  ["OpenTunnel", services("x".repeat(128), "a:b_c-D", "9")],
  ["OpenTunnel", tags({ key: "ключ 鍵 é_.:/=+-@", value: "" })],
  ["OpenTunnel", tags({ key: "𝒌".repeat(128), value: "𝒗".repeat(256) })],
  ["OpenTunnel", { description: null, tags: null, destinationConfig: null, timeoutConfig: null }],
  ["OpenTunnel", { unknown: 1, destinationConfig: { services: ["SSH"], thingName: null, extra: [] } }],
  ["ListTunnels", { maxResults: 1 }],
  ["ListTunnels", { maxResults: 100, thingName: "x".repeat(128), nextToken: null }],
];

describe("a request at the edge of every constraint", () => {
  const title = (row: (typeof RIGHT)[number]) => `${row[0]} ${JSON.stringify(row[1]).slice(0, 80)}`;
  test.each(RIGHT.map((row) => [title(row), ...row] as const))("%s is taken", (_title, name, request) => {
    expect(run(name, request)).toEqual(expect.any(Object));
  });

  test("is not led astray by members that objects have of themselves", () => {
    const { tunnels } = makeTunnels();
    const request = JSON.parse('{"__proto__":{"tunnelId":"polluted"},"constructor":1,"toString":2}');
    expect(() => runOperation("DescribeTunnel", request, tunnels)).toThrow("Value null at 'tunnelId'");
  });
});

test("a wrong value is quoted up to its first characters, however large it is", () => {
  const large = Array.from({ length: 10 }, () => ({ text: "x".repeat(100_000), more: [1, null, true] }));
  const { message } = faultOf("OpenTunnel", { description: large });
  expect(message.startsWith(`1 validation error detected: Value '[{"text":"xxxx`)).toBe(true);
  expect(message.length).toBeLessThan(300);
  expect(faultOf("OpenTunnel", { description: { a: [1, "b", null], c: {} } }).message).toContain(
    `Value '{"a":[1,"b",null],"c":{}}' at 'description'`,
  );
});

describe("ListTunnels", () => {
  test("pages through all tunnels once, whatever is opened or deleted meanwhile", () => {
    const { tunnels } = makeTunnels();
    const ids = Array.from({ length: 7 }, () => tunnels.open({}).tunnel.tunnelId);
    const seen: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = runOperation("ListTunnels", { maxResults: 2, nextToken }, tunnels) as {
        tunnelSummaries: { tunnelId: string }[];
        nextToken?: string;
      };
      expect(page.tunnelSummaries.length).toBeLessThanOrEqual(2);
      seen.push(...page.tunnelSummaries.map(({ tunnelId }) => tunnelId));
      nextToken = page.nextToken;
      tunnels.open({});
      tunnels.close(seen[0] ?? "", { isDeleted: false });
    } while (nextToken !== undefined);
    expect(seen).toEqual(ids.toReversed());
  });

  test("has no nextToken when the last page is just full", () => {
    const { tunnels } = makeTunnels();
    tunnels.open({});
    tunnels.open({});
    expect(runOperation("ListTunnels", { maxResults: 2 }, tunnels)).toMatchObject({ nextToken: undefined });
  });
});
