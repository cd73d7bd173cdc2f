// The two kinds of files in the token store: what they hold, and their reading and writing.

import { ConfigError } from "../base/errors.ts";
import { isObject, type JsonObject, jsonObject } from "../base/json-object.ts";
import { isRegion, isTunnelId } from "../base/names.ts";
import { AccessToken, ClientToken } from "../base/secret.ts";
import { shellLine } from "../base/shell.ts";
import { ACCESS_TOKEN_PATTERN, CLIENT_TOKEN_PATTERN } from "../protocol/constants.ts";
import type { Side } from "../proxy/options.ts";

/** Which service issued a token: AWS or another endpoint, or the serve-local of a state directory. */
export type Issuer =
  | { readonly type: "remote"; readonly endpointUrl?: string | undefined }
  | { readonly type: "local"; readonly stateDir: string };

/** An access token of one side of one tunnel, and the client token that was made for it. */
export interface SavedToken {
  readonly tunnelId: string;
  readonly mode: Side;
  readonly accessToken: AccessToken;
  readonly clientToken: ClientToken;
  readonly region: string;
  /** When the tunnel ends at the latest. */
  readonly expiresAt: Date;
  readonly issuer: Issuer;
  /** The tunnel's, for messages. */
  readonly description?: string | undefined;
}

/** The client token made for an access token that is not kept itself. */
export interface GivenToken {
  readonly clientToken: ClientToken;
  readonly expiresAt: Date;
}

const VERSION = 1;

/** Content of the file that keeps a token: one line of JSON, with both tokens in the clear. */
export function encodeSaved(token: SavedToken): string {
  const content = {
    version: VERSION,
    ...token,
    accessToken: token.accessToken.reveal(),
    clientToken: token.clientToken.reveal(),
    expiresAt: token.expiresAt.toISOString(),
  };
  return `${JSON.stringify(content)}\n`;
}

/** Throws ConfigError naming `path` when the text is not what encodeSaved wrote. */
export function decodeSaved(text: string, path: string): SavedToken {
  const content = decodeObject(text, path);
  const { mode } = content;
  if (mode !== "source" && mode !== "destination") throw damaged(path);
  const { description } = content;
  return {
    ...(typeof description === "string" ? { description } : {}),
    tunnelId: textMember(content, "tunnelId", path, isTunnelId),
    mode,
    accessToken: new AccessToken(
      textMember(content, "accessToken", path, (text) => ACCESS_TOKEN_PATTERN.test(text)),
    ),
    clientToken: new ClientToken(
      textMember(content, "clientToken", path, (text) => CLIENT_TOKEN_PATTERN.test(text)),
    ),
    region: textMember(content, "region", path, isRegion),
    expiresAt: dateMember(content, path),
    issuer: decodeIssuer(content["issuer"], path),
  };
}

export function encodeGiven({ clientToken, expiresAt }: GivenToken): string {
  const content = { version: VERSION, clientToken: clientToken.reveal(), expiresAt: expiresAt.toISOString() };
  return `${JSON.stringify(content)}\n`;
}

/** Throws ConfigError naming `path` when the text is not what encodeGiven wrote. */
export function decodeGiven(text: string, path: string): GivenToken {
  const content = decodeObject(text, path);
  return {
    clientToken: new ClientToken(
      textMember(content, "clientToken", path, (text) => CLIENT_TOKEN_PATTERN.test(text)),
    ),
    expiresAt: dateMember(content, path),
  };
}

function decodeObject(text: string, path: string): JsonObject {
  const content = jsonObject(text);
  if (content?.["version"] !== VERSION) throw damaged(path);
  return content;
}

function decodeIssuer(issuer: unknown, path: string): Issuer {
  if (isObject(issuer) && issuer["type"] === "local") {
    return { type: "local", stateDir: textMember(issuer, "stateDir", path) };
  }
  if (isObject(issuer) && issuer["type"] === "remote") {
    const endpointUrl =
      issuer["endpointUrl"] === undefined ? undefined : textMember(issuer, "endpointUrl", path);
    return { type: "remote", endpointUrl };
  }
  throw damaged(path);
}

function textMember(
  content: JsonObject,
  name: string,
  path: string,
  isGood = (text: string) => text !== "",
): string {
  const value = content[name];
  if (typeof value !== "string" || !isGood(value)) throw damaged(path);
  return value;
}

function dateMember(content: JsonObject, path: string): Date {
  const date = new Date(textMember(content, "expiresAt", path));
  if (Number.isNaN(date.getTime())) throw damaged(path);
  return date;
}

function damaged(path: string): ConfigError {
  return new ConfigError(`"${path}" does not hold a saved token`, { hint: shellLine`rm ${path}` });
}
