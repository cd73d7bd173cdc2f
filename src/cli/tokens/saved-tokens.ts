// What open and rotate do with the access tokens they get.

import { randomUUID } from "node:crypto";
import { accessSync, constants, lstatSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Env } from "../../base/env.ts";
import { ConfigError, UsageError } from "../../base/errors.ts";
import { stateHome } from "../../base/home.ts";
import type { Logger } from "../../base/log.ts";
import { writePrivateFile } from "../../base/private-files.ts";
import { AccessToken, ClientToken } from "../../base/secret.ts";
import type { Mode } from "../../proxy/options.ts";
import type { Issuer } from "../../proxy/saved-token.ts";
import { TokenStore } from "../../proxy/token-store.ts";
import type { Target } from "../target/target.ts";
import type { CommandContext } from "../words/command.ts";

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

/** The tokens of this user. Damaged files are passed over, and told if there is a `log`. */
export function openTokenStore(env: Env, log?: Logger): TokenStore {
  return new TokenStore(join(stateHome(env), "tokens"), () => Date.now(), {
    hint: "name a directory of your own for them: XDG_STATE_HOME=DIR",
    onDamaged: ({ message, hint }) =>
      log?.warn(hint === undefined ? "{message}" : "{message} ({hint})", { message, hint }),
  });
}

/** No tunnel lives longer, so a token given to us is worthless after this time. */
const MAX_LIFETIME_MS = 12 * 60 * 60_000;

/**
 * The client token for an access token that was given to us. It is kept for the next start, or, where there is no place
 * for it, in memory alone: whoever brings an access token along needs no disk.
 */
export function clientTokenFor(
  accessToken: AccessToken,
  env: Env,
  warn: (message: string) => void,
): ClientToken {
  try {
    return openTokenStore(env).clientTokenFor(accessToken, new Date(Date.now() + MAX_LIFETIME_MS));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    warn(
      `the client token is kept in memory only, so that another start may need a new access token: ${error.message} (XDG_STATE_HOME=DIR names another directory)`,
    );
    return new ClientToken(randomUUID());
  }
}

/** Removes what is kept of tokens that are of no use any more; when that fails, work that is done stays done. */
export function tidyTokens(env: Env, log: Logger, act: (store: TokenStore) => void): void {
  try {
    act(openTokenStore(env));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.warn("{message}", { message: error.message });
  }
}

/**
 * Forgets the tokens of a tunnel that the service which issued them does not know any more. Another region or service
 * knows nothing of it either, while it is alive.
 */
export function forgetUnknownTunnel(
  tunnelId: string,
  { issuer, region }: { readonly issuer: Issuer; readonly region: string },
  store: TokenStore,
): void {
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
export function prepareForTokens({ settings, env, log }: CommandContext): void {
  openTokenStore(env, log).prepare();
  const path = settings.get("destinationTokenFile");
  if (path === undefined) return;
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
    if (cause instanceof ConfigError) throw cause;
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
