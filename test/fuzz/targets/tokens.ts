import { decodeSession } from "../../../src/agent/saved-sessions.ts";
import { ConfigError } from "../../../src/base/errors.ts";
import {
  decodeGiven,
  decodeSaved,
  encodeGiven,
  encodeSaved,
  type SavedToken,
} from "../../../src/operator/saved-token.ts";
import { ACCESS_TOKEN_PATTERN } from "../../../src/protocol/constants.ts";
import { JSON_WORDS } from "../json.ts";
import { attempt, must, type Target, text, textOf } from "../target.ts";

const PATH = "/state/tokens/x.json";
const SAVED = {
  version: 1,
  tunnelId: "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
  mode: "source",
  region: "eu-west-1",
  expiresAt: "2026-01-01T12:00:00.000Z",
  description: "firmware",
  accessToken: "AQGAAXjT",
  clientToken: "00000000-0000-4000-8000-000000000000",
  issuer: { type: "remote", endpointUrl: "https://x.test" },
};
const SESSION = {
  version: 1,
  accessToken: "AQGAAXjT",
  clientToken: "00000000-0000-4000-8000-000000000000",
  dataPlane: "data.example:443",
  region: "eu-west-1",
  services: ["SSH"],
  receivedAt: 1_767_225_600_000,
};

/** The files in which access tokens are kept: of open and rotate, of tokens that were given, of an agent's sessions. */
export const tokens: Target = {
  name: "tokens",
  examples: text(
    JSON.stringify(SAVED),
    JSON.stringify({ ...SAVED, mode: "destination", issuer: { type: "local", stateDir: "/s" } }),
    JSON.stringify(SESSION),
    JSON.stringify({ version: 1, clientToken: SAVED.clientToken, expiresAt: SAVED.expiresAt }),
  ),
  words: [
    ...JSON_WORDS,
    ...text(
      ...Object.entries({ ...SAVED, ...SESSION }).map(([key, value]) => `"${key}":${JSON.stringify(value)},`),
    ),
    ...text('"local"', '"stateDir"', "275760-09-13", "-000001", "\\ud800", "\\u000a"),
  ],
  isJson: true,
  maxLength: 50_000,
  suiteRuns: 60_000,
  run(input) {
    const content = textOf(input);
    const saved = attempt(() => decodeSaved(content, PATH), ConfigError);
    if (!(saved instanceof ConfigError)) checkSaved(saved);
    const given = attempt(() => decodeGiven(content, PATH), ConfigError);
    if (!(given instanceof ConfigError)) {
      checkTokens(given.clientToken.reveal());
      must(
        encodeGiven(decodeGiven(encodeGiven(given), PATH)) === encodeGiven(given),
        "a given token changes",
      );
    }
    const session = decodeSession(content);
    if (session === undefined) return;
    checkTokens(session.accessToken.reveal(), session.clientToken.reveal());
    must(Number.isFinite(session.receivedAt), "a session that was received at no time");
    must(
      session.services.every((service) => typeof service === "string"),
      "a service that is no text",
    );
  },
};

function checkSaved(saved: SavedToken): void {
  checkTokens(saved.accessToken.reveal(), saved.clientToken.reveal());
  must(encodeSaved(decodeSaved(encodeSaved(saved), PATH)) === encodeSaved(saved), "a saved token changes");
  // Its file is named after it.
  must(encodeURIComponent(saved.tunnelId).length <= 200, "a tunnel id that names no file");
}

/** Tokens travel in headers. */
function checkTokens(...given: readonly string[]): void {
  for (const token of given) must(ACCESS_TOKEN_PATTERN.test(token), "a token that no header can carry");
}
