// People look for the sentence that they see: docs/troubleshooting.md has each one with which the data plane refuses.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Side } from "../../../src/emulator/relay/relay.ts";
import {
  judgeToken,
  REASON_CLIENT_TOKEN_TAKEN,
  REASON_CLOSED,
  REASON_UNKNOWN,
  reasonWrongMode,
} from "../../../src/emulator/tunnels/tokens.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/troubleshooting.md"), "utf8");

type Use = Parameters<typeof judgeToken>[0]["use"];

function token(use: Use) {
  const mode: Side = "source";
  return { tokenHash: "x", tunnelId: "x", mode, use };
}

function refusal(use: Use, clientTokenHash: string | undefined): string {
  const verdict = judgeToken(token(use), clientTokenHash);
  if (verdict.type !== "refused") throw new Error("it was let in");
  return verdict.reason;
}

test.each([
  REASON_UNKNOWN,
  REASON_CLOSED,
  REASON_CLIENT_TOKEN_TAKEN,
  reasonWrongMode(token({ type: "unused" })),
  refusal({ type: "spent" }, undefined),
  refusal({ type: "bound", clientTokenHash: "x" }, "y"),
])("%s", (sentence) => {
  expect(page).toContain(`\`${sentence}\``);
});
