import { describe, expect, test } from "bun:test";
import { clockSkew, waitBeforeRepeat } from "../../../src/aws/repeat.ts";
import { ForeignAnswerError, ServiceFault } from "../../../src/aws/service-call.ts";

const fault = (name: string, status = 400, headers = {}) =>
  new ServiceFault(name, "why", { status, headers, body: "" });
const system = (code: string) => Object.assign(new Error(code), { code });

describe("a call is sent again", () => {
  test.each<[title: string, error: unknown, harmless: boolean, harmful: boolean]>([
    ["when it came too soon", fault("ThrottlingException"), true, true],
    ["at status 429", fault("Whatever", 429), true, true],
    ["at a gateway's page of status 429", new ForeignAnswerError(429), true, true],
    ["when the service has trouble", fault("InternalFailure", 500), true, false],
    ["at a gateway's page", new ForeignAnswerError(503), true, false],
    ["when the connection was cut", system("ECONNRESET"), true, false],
    [
      "when there was no connection in time",
      Object.assign(new Error(), { name: "TimeoutError" }),
      true,
      false,
    ],
    ["not at a quota", fault("LimitExceededException"), false, false],
    ["not when it is refused", fault("AccessDeniedException"), false, false],
    ["not at a portal's page", new ForeignAnswerError(200), false, false],
    ["not without a host", system("ENOTFOUND"), false, false],
    ["not at what nobody threw", "text", false, false],
  ])("%s", (_, error, harmless, harmful) => {
    const isRepeated = (harm: "none" | "may-be-done-twice", tries: number) =>
      waitBeforeRepeat(error, harm, tries, 0.5) !== undefined;
    expect([isRepeated("none", 1), isRepeated("may-be-done-twice", 1)]).toEqual([harmless, harmful]);
    expect([isRepeated("none", 2), isRepeated("none", 3)]).toEqual([harmless, false]);
  });

  test("after a wait by chance that doubles, longer where the service asks for less haste", () => {
    const waits = [0, 1].flatMap((random) =>
      [fault("X", 500), fault("SlowDown", 503)].flatMap((error) =>
        [1, 2].map((tries) => waitBeforeRepeat(error, "none", tries, random)),
      ),
    );
    expect(waits).toEqual([0, 0, 0, 0, 100, 200, 500, 1_000]);
  });
});

describe("the clock is why a signature was refused", () => {
  const now = Date.UTC(2026, 0, 1);
  const refused = (name: string, skewMs: number) =>
    fault(name, 403, { date: new Date(now + skewMs).toUTCString() });
  test.each<[title: string, error: unknown, skew: number | undefined]>([
    ["an hour ahead", refused("InvalidSignatureException", 3_600_000), 3_600_000],
    ["an hour behind", refused("RequestTimeTooSkewed", -3_600_000), -3_600_000],
    ["not when it is right", refused("InvalidSignatureException", 200_000), undefined],
    ["not when something else is wrong", refused("AccessDeniedException", 3_600_000), undefined],
    ["not without a date", fault("InvalidSignatureException", 403), undefined],
    ["not with one that is none", fault("InvalidSignatureException", 403, { date: "soon" }), undefined],
  ])("%s", (_, error, skew) => {
    expect(clockSkew(error, now)).toBe(skew);
  });
});
