import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  MAX_NOTIFICATION_BYTES,
  type NotificationPolicy,
  readNotification,
} from "../../../src/agent/notification.ts";

const POLICY: NotificationPolicy = {
  regions: new Set(["eu-west-1", "us-east-1"]),
  services: new Set(["SSH", "WEB", "a:b-c_d", "X"]),
};
const GOOD = {
  clientAccessToken: "dG9rZW4=",
  clientMode: "destination",
  region: "eu-west-1",
  services: ["SSH", "WEB"],
};

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

function refusal(value: unknown) {
  const result = readNotification(value instanceof Uint8Array ? value : bytes(value), POLICY);
  if (result.type !== "refused") throw new Error("it was accepted");
  return result;
}

describe("a notification", () => {
  test("of the service is accepted as it is", () => {
    const result = readNotification(bytes(GOOD), POLICY);
    if (result.type !== "accepted") throw new Error(result.message);
    const { accessToken, region, services } = result.notification;
    expect([accessToken.reveal(), region, services]).toEqual([
      GOOD.clientAccessToken,
      "eu-west-1",
      ["SSH", "WEB"],
    ]);
  });

  test("may have members of a later version", () => {
    expect(readNotification(bytes({ ...GOOD, tunnelId: "1", expiresAt: 5 }), POLICY).type).toBe("accepted");
  });

  test.each(["clientAccessToken", "clientMode", "region", "services"])("without %s is refused", (member) => {
    const { [member]: _, ...rest } = GOOD as Record<string, unknown>;
    const { reason, message } = refusal(rest);
    expect(reason).toBe("malformed");
    expect(message).toContain(member);
  });

  test.each([
    ["text", "hello"],
    ["half an object", '{"clientAccessToken":"x"'],
    ["nothing", ""],
    ["null", "null"],
    ["a list", "[]"],
    ["a number", "12"],
    ["brackets", "[".repeat(8_000)],
    ["bytes that are no UTF-8", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
  ])("that is %s is refused", (_name, payload) => {
    expect(refusal(payload).reason).toBe("malformed");
  });

  test.each([
    ["a token that is no text", { clientAccessToken: 5 }],
    ["an empty token", { clientAccessToken: "" }],
    ["a token with a line break", { clientAccessToken: "a\r\nx-evil: 1" }],
    ["a token with a space", { clientAccessToken: "a b" }],
    ["a token that is too long", { clientAccessToken: "a".repeat(4_097) }],
    ["another mode", { clientMode: "source" }],
    ["a mode in capitals", { clientMode: "DESTINATION" }],
    ["a mode that is an object", { clientMode: {} }],
    ["no services", { services: [] }],
    ["four services", { services: ["SSH", "WEB", "a:b-c_d", "X"] }],
    ["services that are no list", { services: "SSH" }],
    ["a service that is no text", { services: [1] }],
    ["a service with a space", { services: ["SS H"] }],
    ["a service with a slash", { services: ["../x"] }],
    ["a service of 129 letters", { services: ["a".repeat(129)] }],
    ["an empty service", { services: [""] }],
    ["a service twice", { services: ["SSH", "SSH"] }],
  ])("with %s is refused", (_name, members) => {
    expect(refusal({ ...GOOD, ...members }).reason).toBe("malformed");
  });

  test.each([
    "x.evil.example/",
    "eu-west-1.evil.example",
    "eu-west-1/",
    "eu-west-1:443",
    "eu-west-1@evil.example",
    "eu-west-1#",
    "eu-west-1?",
    "eu-west-1\u0000",
    "EU-WEST-1",
    " eu-west-1",
    "",
  ])("with region %j, which could lead elsewhere, is refused as malformed", (region) => {
    expect(refusal({ ...GOOD, region }).reason).toBe("malformed");
  });

  test("of a region that is not allowed names the flag", () => {
    const { reason, message } = refusal({ ...GOOD, region: "ap-south-1" });
    expect(reason).toBe("region");
    expect(message).toContain("--allow-region ap-south-1");
  });

  test("with a service that is not mapped names it and the flag", () => {
    const { reason, message } = refusal({ ...GOOD, services: ["SSH", "VNC"] });
    expect(reason).toBe("service");
    expect(message).toContain("--map VNC=ADDRESS");
  });

  test("one byte too large is refused without a look inside", () => {
    const padded = (size: number) => bytes(JSON.stringify(GOOD).padEnd(size));
    expect(readNotification(padded(MAX_NOTIFICATION_BYTES), POLICY).type).toBe("accepted");
    expect(refusal(padded(MAX_NOTIFICATION_BYTES + 1)).reason).toBe("too-large");
  });

  test("never shows its token", () => {
    const token = "c2VjcmV0LXRva2Vu";
    for (const members of [
      { clientMode: "x" },
      { region: "x" },
      { region: "ap-south-1" },
      { services: ["VNC"] },
    ]) {
      expect(refusal({ ...GOOD, clientAccessToken: token, ...members }).message).not.toContain(token);
    }
    expect(refusal({ ...GOOD, clientAccessToken: `${token} ` }).message).not.toContain(token);
  });

  test("that names things with control characters is shown without them", () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what must not be there
    expect(refusal({ ...GOOD, region: "\u001b[2J\n" }).message).not.toMatch(/[\u0000-\u001f]/);
  });

  test("of any bytes or any JSON is judged, not thrown at", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (payload) => {
        expect(readNotification(payload, POLICY).type).toBe("refused");
      }),
    );
    fc.assert(
      fc.property(
        fc.record(
          {
            clientAccessToken: fc.oneof(fc.string(), fc.jsonValue()),
            clientMode: fc.oneof(fc.constant("destination"), fc.jsonValue()),
            region: fc.oneof(fc.constant("eu-west-1"), fc.jsonValue()),
            services: fc.oneof(fc.array(fc.constantFrom("SSH", "WEB", "VNC")), fc.jsonValue()),
          },
          { requiredKeys: [] },
        ),
        (members) => {
          const result = readNotification(bytes(members), POLICY);
          if (result.type === "refused") return;
          expect(result.notification.services.every((service) => POLICY.services.has(service))).toBe(true);
        },
      ),
    );
  });
});
