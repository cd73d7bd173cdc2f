// The access tokens kept for this user, as commands use them.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Env } from "../base/env.ts";
import { ConfigError } from "../base/errors.ts";
import { stateHome } from "../base/home.ts";
import type { Logger } from "../base/log.ts";
import { AccessToken, ClientToken } from "../base/secret.ts";
import { MAX_TUNNEL_LIFE_MS } from "../protocol/constants.ts";
import { SIDES } from "../proxy/options.ts";
import type { Issuer, SavedToken } from "./saved-token.ts";
import { TokenStore } from "./token-store.ts";

/** The access tokens of one answer; a side that was not rotated has none. */
export interface FreshTokens {
  readonly tunnelId: string;
  readonly region: string;
  readonly issuer: Issuer;
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

/** Characters kept of a tunnel's description, to tell its token from others. */
const MAX_DESCRIPTION = 200;

/** Saves the tokens for the proxy commands. */
export function keepTokens({ answer, description, ...tunnel }: FreshTokens, env: Env): void {
  const store = openTokenStore(env);
  for (const mode of SIDES) {
    const text = answer[`${mode}AccessToken`];
    if (text === undefined) continue;
    const accessToken = new AccessToken(text);
    store.save({ ...tunnel, mode, accessToken, description: description?.slice(0, MAX_DESCRIPTION) });
  }
}

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
    // No tunnel lives longer, so the token is worthless then.
    return openTokenStore(env).clientTokenFor(accessToken, new Date(Date.now() + MAX_TUNNEL_LIFE_MS));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    warn(
      `the client token is kept in memory only, so that another start may need a new access token: ${error.message} (XDG_STATE_HOME=DIR names another directory)`,
    );
    return new ClientToken(randomUUID());
  }
}

/** The tokens kept for one side of a tunnel, if they are others than `current`: somebody rotated it meanwhile. */
export function newerToken(
  { tunnelId, mode, accessToken: current }: Pick<SavedToken, "tunnelId" | "mode" | "accessToken">,
  env: Env,
): SavedToken | undefined {
  try {
    const saved = openTokenStore(env).find(tunnelId, mode);
    return saved?.accessToken.reveal() === current.reveal() ? undefined : saved;
  } catch (error) {
    if (error instanceof ConfigError) return undefined; // where nothing can be read, nothing newer was written
    throw error;
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
  for (const mode of SIDES) {
    const saved = store.find(tunnelId, mode);
    if (saved?.region === region && isSameIssuer(saved.issuer, issuer)) store.delete(tunnelId, mode);
  }
}

function isSameIssuer(one: Issuer, other: Issuer): boolean {
  if (one.type === "local") return other.type === "local" && one.stateDir === other.stateDir;
  return other.type === "remote" && one.endpointUrl === other.endpointUrl;
}
