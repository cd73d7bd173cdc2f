import {
  MAX_NOTIFICATION_BYTES,
  type NotificationPolicy,
  readNotification,
} from "../../../src/agent/notification.ts";
import { isApiName } from "../../../src/base/names.ts";
import { ACCESS_TOKEN_PATTERN } from "../../../src/protocol/constants.ts";
import { JSON_WORDS } from "../json.ts";
import { must, type Target, text, textOf } from "../target.ts";

const POLICY: NotificationPolicy = {
  regions: new Set(["eu-west-1", "us-east-1"]),
  services: new Set(["SSH", "VNC", "HTTP", "a:b_c-D"]),
};
/** Stands for a secret: it may be in no message. */
const TOKEN = "AQGAAXjTSecret";

/** The payload that an MQTT broker gives an agent. */
export const notification: Target = {
  name: "notification",
  examples: text(
    `{"clientAccessToken":"${TOKEN}","clientMode":"destination","region":"eu-west-1","services":["SSH"]}`,
    `{"clientAccessToken":"${TOKEN}","clientMode":"destination","region":"us-east-1","services":["SSH","VNC","a:b_c-D"],"more":{"a":[1,null]}}`,
    `{"clientAccessToken":"${TOKEN}","clientMode":"source","region":"mars","services":["FTP","FTP"]}`,
  ),
  words: [
    ...JSON_WORDS,
    ...text('"clientAccessToken"', '"clientMode"', '"destination"', '"region"', '"eu-west-1"', '"eu-west-9"'),
    ...text('"services"', '["SSH"]', '"SSH"', '"VNC","HTTP","FTP"', "  ", "\u2028"),
    Uint8Array.of(0xc3),
    Uint8Array.of(0xef, 0xbb, 0xbf),
  ],
  isJson: true,
  maxLength: 9_000,
  suiteRuns: 400_000,
  run(input) {
    const result = readNotification(input, POLICY);
    if (result.type === "refused") {
      must(result.message.length < 1_000, "a refusal repeats what came at length");
      must(!result.message.includes(TOKEN) || isElsewhere(input), "a refusal shows the token");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
      must(!/[\u0000-\u001f\u007f\u2028\u202e]/.test(result.message), "a refusal repeats control characters");
      return;
    }
    must(input.length <= MAX_NOTIFICATION_BYTES, "a notification that is too long");
    const { accessToken, region, services } = result.notification;
    must(ACCESS_TOKEN_PATTERN.test(accessToken.reveal()), "a token that no header can carry");
    must(POLICY.regions.has(region), "a region that is not allowed");
    must(services.length > 0 && services.every(isApiName), "a service without a name");
    must(
      services.every((service) => POLICY.services.has(service)),
      "a service that leads nowhere",
    );
    must(new Set(services).size === services.length, "a service twice");
  },
};

/** Whether the token also stands where none belongs. */
function isElsewhere(input: Uint8Array): boolean {
  const { clientAccessToken: _, ...others } = JSON.parse(textOf(input)) as Readonly<Record<string, unknown>>;
  return JSON.stringify(others).includes(TOKEN);
}
