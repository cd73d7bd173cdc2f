import type { Env } from "../shared-files.ts";
import { type Keys, unusable } from "./keys.ts";

/** The keys of the environment; absent without an access key. @throws CredentialsError for half of a pair or expired ones */
export function environmentKeys(env: Env): Keys | undefined {
  const accessKeyId = env["AWS_ACCESS_KEY_ID"];
  if (!accessKeyId) return undefined;
  const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"];
  if (!secretAccessKey) throw unusable("AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not");
  const until = env["AWS_CREDENTIAL_EXPIRATION"];
  const expiration = until ? new Date(until) : undefined;
  if (expiration !== undefined && !(expiration.getTime() > Date.now())) {
    throw unusable("those of the environment have expired (AWS_CREDENTIAL_EXPIRATION)", {
      hint: "get new ones, or unset AWS_ACCESS_KEY_ID and AWS_CREDENTIAL_EXPIRATION",
    });
  }
  // The older name wins where both are set.
  const sessionToken = env["AWS_SECURITY_TOKEN"] || env["AWS_SESSION_TOKEN"] || undefined;
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}
