import { CredentialsError, type ErrorDetails } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import type { Section } from "../shared-files.ts";

/** Keys that requests are signed with. */
export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiration?: Date | undefined;
}

/** Credentials, fetched anew when they expire. Rejects with CredentialsError, UnreachableError or ConfigError. */
export type CredentialSource = () => Promise<Keys>;

/** The keys that stand in a profile itself; absent without an access key. @throws CredentialsError for half of a pair */
export function staticKeys(section: Section | undefined, place: string): Keys | undefined {
  const accessKeyId = section?.get("aws_access_key_id");
  if (section === undefined || accessKeyId === undefined) return undefined;
  const secretAccessKey = section.get("aws_secret_access_key");
  if (secretAccessKey === undefined) throw unusable(`aws_secret_access_key is missing in ${place}`);
  const sessionToken = section.get("aws_security_token") ?? section.get("aws_session_token");
  return { accessKeyId, secretAccessKey, sessionToken };
}

/** Settings or answers that give no credentials; nothing else is tried in their place, as with the AWS CLI. */
export function unusable(why: string, details: ErrorDetails = {}): CredentialsError {
  return new CredentialsError(`no usable AWS credentials: ${why}`, details);
}

/** What keys are made of: it stands in headers as it is. A line break comes along easily when they are pasted. */
const OF_A_KEY = /^[ -~]+$/;

/** @throws CredentialsError for keys that no request can be signed with */
export function checkKeys({ accessKeyId, secretAccessKey, sessionToken = "-" }: Keys): void {
  const parts = {
    "access key id": accessKeyId,
    "secret access key": secretAccessKey,
    "session token": sessionToken,
  };
  const wrong = Object.entries(parts).find(([, text]) => !OF_A_KEY.test(text));
  if (wrong === undefined) return;
  throw unusable(`the ${wrong[0]} has a character that none has`, {
    hint: "is there a line break in it, of a file from another system? enter it anew",
  });
}

/** A profile's name as messages show it. */
export function inProfile(name: string): string {
  return `profile "${escapeControl(name, 100)}"`;
}

/** Keys out of the JSON of a credential process or a service; absent when it has none. */
export function keysOf(
  value: Readonly<Record<string, unknown>>,
  tokenName: "SessionToken" | "Token" = "SessionToken",
): Keys | undefined {
  const [accessKeyId, secretAccessKey, sessionToken] = ["AccessKeyId", "SecretAccessKey", tokenName].map(
    (name) => {
      const exact = value[name];
      return typeof exact === "string" && exact !== "" ? exact : undefined;
    },
  );
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken, expiration: expirationOf(value["Expiration"]) };
}

/** When keys end, if that is said. A date that cannot be read has passed, so that they are not used for ever. */
export function expirationOf(text: unknown): Date | undefined {
  if (typeof text !== "string") return undefined;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? new Date(0) : date;
}
