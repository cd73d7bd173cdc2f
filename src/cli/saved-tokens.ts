// What open and rotate do with the access tokens they get.

import { accessSync, constants, lstatSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ConfigError, UsageError } from "../base/errors.ts";
import { writePrivateFile } from "../base/private-files.ts";
import { AccessToken } from "../base/secret.ts";
import type { Mode } from "../proxy/options.ts";
import type { Issuer } from "../proxy/saved-token.ts";
import { TokenStore } from "../proxy/token-store.ts";
import type { CommandContext } from "./command.ts";
import type { Env } from "./config/layers.ts";
import { stateHome } from "./config/local.ts";
import type { Target } from "./target.ts";

/** The access tokens of one answer; a side that was not rotated has none. */
export interface FreshTokens {
  readonly tunnelId: string;
  readonly region: string;
  readonly expiresAt: Date;
  readonly description: string | undefined;
  readonly answer: {
    readonly sourceAccessToken?: string | undefined;
    readonly destinationAccessToken?: string | undefined;
  };
}

/** The tokens of this user. */
export function openTokenStore(env: Env): TokenStore {
  return new TokenStore(join(stateHome(env), "tokens"), () => Date.now());
}

/**
 * Forgets the tokens of a tunnel that the service which issued them does not know any more. Another region or service
 * knows nothing of it either, while it is alive.
 */
export function forgetUnknownTunnel(
  tunnelId: string,
  { issuer, region }: { readonly issuer: Issuer; readonly region: string },
  env: Env,
): void {
  const store = openTokenStore(env);
  for (const mode of ["source", "destination"] as const) {
    const saved = store.list(mode).find((each) => each.tunnelId === tunnelId);
    if (saved?.region === region && isSameIssuer(saved.issuer, issuer)) store.delete(tunnelId, mode);
  }
}

function isSameIssuer(one: Issuer, other: Issuer): boolean {
  if (one.type === "local") return other.type === "local" && one.stateDir === other.stateDir;
  return other.type === "remote" && one.endpointUrl === other.endpointUrl;
}

/** Makes sure that tokens can be kept, before a call is made whose tokens could not be had again. */
export function prepareForTokens({ settings, env }: CommandContext): void {
  openTokenStore(env).prepare();
  const path = settings.get("destinationTokenFile");
  if (path === undefined) {
    return;
  }
  if (path === "-") {
    throw new UsageError(
      "--destination-token-file takes the name of a file, not standard output",
      "--json prints the access tokens on standard output",
    );
  }
  try {
    // A file in its place would be replaced: that must not happen to a device, a pipe or a link to one of them.
    const facts = lstatSync(resolve(path), { throwIfNoEntry: false });
    if (facts !== undefined && !facts.isFile()) {
      throw new ConfigError(`"${path}" (from --destination-token-file) is no regular file`, {
        hint: "name a file that is not there yet; --json prints the access tokens on standard output",
      });
    }
    accessSync(dirname(resolve(path)), constants.W_OK);
  } catch (cause) {
    if (cause instanceof ConfigError) {
      throw cause;
    }
    throw new ConfigError(`cannot write "${path}" (from --destination-token-file)`, { cause });
  }
}

/** Characters kept of a tunnel's description, to tell its token from others. */
const MAX_DESCRIPTION = 200;

/** Saves the tokens for the proxy commands, and the destination's where it was asked for. */
export function keepTokens(tokens: FreshTokens, target: Target, { settings, env }: CommandContext): void {
  const store = openTokenStore(env);
  const { tunnelId, region, expiresAt, description, answer } = tokens;
  const sides: readonly [Mode, string | undefined][] = [
    ["source", answer.sourceAccessToken],
    ["destination", answer.destinationAccessToken],
  ];
  for (const [mode, text] of sides) {
    if (text !== undefined) {
      store.save({
        tunnelId,
        mode,
        region,
        expiresAt,
        description: description?.slice(0, MAX_DESCRIPTION),
        accessToken: new AccessToken(text),
        issuer: target.issuer,
      });
    }
  }
  const path = settings.get("destinationTokenFile");
  if (path !== undefined && answer.destinationAccessToken !== undefined) {
    writePrivateFile(resolve(path), `${answer.destinationAccessToken}\n`);
  }
}
