// The two tokens of the data plane. An access token belongs to one side of one tunnel; a client token, chosen by the
// local proxy, lets it use its access token again after a broken connection.
import { createHash } from "node:crypto";
import type { TokenRecord } from "../store/store.ts";

/** The first bytes of the envelope that the service's tokens are; in base64 they read `AQGAAX`. */
const TOKEN_PREFIX = Uint8Array.of(0x01, 0x01, 0x80, 0x01, 0x78);
/** With the prefix 382 bytes: 512 characters that end in `==`, as the service's may. */
const TOKEN_RANDOM_BYTES = 377;

/** Source of randomness: `count` bytes that nobody can guess. */
export type RandomBytes = (count: number) => Uint8Array;

/** A new access token: 512 characters of base64url with padding, opaque to clients. */
export function createAccessToken(random: RandomBytes): string {
  const bytes = Buffer.concat([TOKEN_PREFIX, random(TOKEN_RANDOM_BYTES)]);
  return bytes.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

/** SHA-256 in hexadecimal: the only form in which tokens are kept. They are random, so no salt is needed. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** What the token rules say to a connection: the use to write down, or the sentence of the refusal. */
export type TokenVerdict =
  | { readonly type: "accepted"; readonly use: TokenRecord["use"] }
  | { readonly type: "refused"; readonly reason: string };

/**
 * Whether `token` may be used by a local proxy that presents this client token (or none). Without a client token an
 * access token works once. The first one presented is bound to it, and from then on required.
 */
export function judgeToken(token: TokenRecord, clientTokenHash: string | undefined): TokenVerdict {
  const { use } = token;
  switch (use.type) {
    case "unused":
      return {
        type: "accepted",
        use: clientTokenHash === undefined ? { type: "spent" } : { type: "bound", clientTokenHash },
      };
    case "spent":
      return { type: "refused", reason: REASON_USED };
    case "bound":
      if (clientTokenHash === undefined) return { type: "refused", reason: REASON_USED };
      return clientTokenHash === use.clientTokenHash
        ? { type: "accepted", use }
        : { type: "refused", reason: REASON_CLIENT_TOKEN_DIFFERS };
  }
}

// Sentences that users search for: the first four are the service's own.
export const REASON_UNKNOWN = "Invalid access-token";
export const REASON_CLOSED = "Tunnel is closed";
const REASON_USED = "Invalid access token: The access token was previously used and can not be used again.";
const REASON_CLIENT_TOKEN_DIFFERS =
  "Invalid client token: The provided client token does not match the client token that was previously set.";
export const REASON_CLIENT_TOKEN_TAKEN =
  "Invalid client token: The provided client token is already in use with another access token.";

/** The token is good, but for the other side. */
export function reasonWrongMode(token: TokenRecord): string {
  return `Invalid access token: The access token was issued for local-proxy-mode ${token.mode}.`;
}
