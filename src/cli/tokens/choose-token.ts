// Which access token a proxy uses, and the client token that goes with it.

import { UsageError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { AccessToken, ClientToken } from "../../base/secret.ts";
import { shellLine } from "../../base/shell.ts";
import type { RefusalMeaning } from "../../engine/refusal.ts";
import type { SavedToken } from "../../operator/saved-token.ts";
import type { TokenStore } from "../../operator/token-store.ts";
import { clientTokenFor, newerToken, openTokenStore, tidyTokens } from "../../operator/user-tokens.ts";
import type { Side, TokenPair } from "../../proxy/options.ts";
import { formatTime } from "../print/times.ts";
import type { Target } from "../target/target.ts";
import type { CommandContext } from "../words/command.ts";
import { readTokenFile } from "./token-file.ts";

/** An access token to use, and what becomes of what we keep of it. */
export interface ChosenToken {
  readonly accessToken: AccessToken;
  /** Absent after --no-client-token. */
  readonly clientToken: ClientToken | undefined;
  /** Region of the tunnel, if the token store knows it. */
  readonly region: string | undefined;
  /** Id of the tunnel, likewise. */
  readonly tunnelId?: string | undefined;
  /** Tokens that were kept for the same side of the tunnel since; absent for a token that was given. */
  readonly newer?: (() => TokenPair | undefined) | undefined;
  /** Its tunnel is over, or it is spent. */
  readonly forget: () => void;
  /** The service refused it: it is forgotten if that means that it is worth nothing any more. */
  readonly refused: (meaning: RefusalMeaning) => void;
}

/** A flag before the environment before what open or rotate saved. */
export async function chooseToken(mode: Side, target: Target, context: CommandContext): Promise<ChosenToken> {
  const { settings } = context;
  if (settings.get("noClientToken") && settings.origin("clientToken").type === "flag") {
    throw new UsageError("--client-token and --no-client-token exclude each other");
  }
  const given = await givenToken(context);
  return given === undefined ? savedToken(mode, target, context) : withClientToken(given, context);
}

async function givenToken({
  settings,
  log,
  stdin,
  signal,
}: CommandContext): Promise<AccessToken | undefined> {
  const flags = (["accessToken", "accessTokenFile", "tunnel"] as const).filter(
    (key) => settings.origin(key).type === "flag",
  );
  if (flags.length > 1) {
    throw new UsageError(
      "only one of -t, --access-token-file and --tunnel can say which access token to use",
    );
  }
  if (flags[0] === "accessToken") {
    log.warn(
      "an access token on the command line can be read by every user of this machine; better use AWSIOT_TUNNEL_ACCESS_TOKEN or --access-token-file",
    );
  }
  if (flags[0] === "tunnel") return undefined;
  const file = settings.get("accessTokenFile");
  const text = file === undefined ? settings.get("accessToken") : await readTokenFile(file, stdin, signal);
  return text === undefined ? undefined : new AccessToken(text);
}

function withClientToken(accessToken: AccessToken, { settings, env, log }: CommandContext): ChosenToken {
  const forget = () => tidyTokens(env, log, (store) => store.forgetClientToken(accessToken));
  const given = settings.get("clientToken");
  const isWithout = settings.get("noClientToken");
  const made =
    given === undefined && !isWithout
      ? clientTokenFor(accessToken, env, (message) => log.warn("{message}", { message }))
      : undefined;
  return {
    accessToken,
    clientToken: given === undefined || isWithout ? made : new ClientToken(given),
    region: undefined,
    forget,
    // One that is not known here may be of another region: nobody but its owner can tell.
    refused: (meaning) => {
      if (meaning === "tunnel-over" || (meaning === "token-spent" && made !== undefined)) forget();
    },
  };
}

function savedToken(mode: Side, target: Target, context: CommandContext): ChosenToken {
  const { settings, env, log } = context;
  const store = openTokenStore(env, log);
  const wanted = settings.get("tunnel");
  const all = store.list(mode).filter((saved) => wanted === undefined || saved.tunnelId === wanted);
  const candidates = all.filter((saved) => fits(saved, target, settings.fromFlag("region")));
  const [saved, ...others] = candidates;
  if (saved === undefined) throw noneSaved(mode, wanted, all, target);
  if (others.length > 0) throw severalSaved(mode, candidates, store);
  // A client token from the environment is meant for the access token there: the service refuses one that was used
  // with another access token.
  const given = settings.fromFlag("clientToken");
  const chosen = given === undefined ? saved.clientToken : new ClientToken(given);
  const isWithout = settings.get("noClientToken");
  const clientToken = isWithout ? undefined : chosen;
  let inUse: SavedToken = saved;
  // One that somebody rotated to meanwhile is not what is to be forgotten.
  const forget = () => {
    if (newerToken(inUse, env) === undefined) {
      tidyTokens(env, log, (kept) => kept.delete(saved.tunnelId, mode));
    }
  };
  // An endpoint that was named by hand may be the wrong one.
  const endpoint =
    target.local === undefined ? settings.get("proxyEndpoint") : settings.fromFlag("proxyEndpoint");
  const isUseless = (meaning: RefusalMeaning) => {
    // Without its own client token it is refused although it can still be used.
    if (meaning === "token-spent") {
      return !isWithout && (inUse !== saved || clientToken === saved.clientToken);
    }
    return meaning === "tunnel-over" || (meaning === "token-unknown" && endpoint === undefined);
  };
  return {
    accessToken: saved.accessToken,
    clientToken,
    region: saved.region,
    tunnelId: saved.tunnelId,
    newer: () => {
      const newer = newerToken(inUse, env);
      if (newer === undefined) return undefined;
      inUse = newer;
      return { accessToken: newer.accessToken, clientToken: isWithout ? undefined : newer.clientToken };
    },
    forget,
    refused: (meaning) => {
      if (isUseless(meaning)) forget();
    },
  };
}

/** A token of a serve-local never goes to AWS, and the other way round. */
function fits({ issuer, region }: SavedToken, target: Target, regionFlag: string | undefined): boolean {
  const other = target.issuer;
  if (issuer.type === "local" || other.type === "local") {
    return issuer.type === "local" && other.type === "local" && issuer.stateDir === other.stateDir;
  }
  // Whoever names the data plane by hand knows where the tunnel is, whatever the control plane was called.
  const isSameEndpoint = issuer.endpointUrl === other.endpointUrl || target.dataPlane !== undefined;
  return isSameEndpoint && (regionFlag === undefined || regionFlag === region);
}

/** Tunnels named at most where one has to be chosen. */
const MAX_NAMED = 5;

function severalSaved(mode: Side, candidates: readonly SavedToken[], store: TokenStore): UsageError {
  const now = new Date();
  const named = candidates.slice(0, MAX_NAMED).map(({ tunnelId, description }) => {
    const savedAt = store.savedAt(tunnelId, mode);
    const time = savedAt === undefined ? [] : [formatTime(new Date(savedAt), now)];
    const text = description === undefined ? [] : [`"${escapeControl(description, MAX_DESCRIPTION)}"`];
    const facts = [...time, ...text].join(" ");
    return facts === "" ? tunnelId : `${tunnelId} (${facts})`;
  });
  const which = candidates.length > MAX_NAMED ? ", the newest" : "";
  return new UsageError(
    `there are saved ${mode} tokens of ${candidates.length} tunnels${which}: ${named.join(", ")}`,
    shellLine`tunnel proxy ${mode} … --tunnel ${candidates[0]?.tunnelId ?? "ID"}`,
  );
}

const MAX_DESCRIPTION = 60;

function noneSaved(
  mode: Side,
  wanted: string | undefined,
  others: readonly SavedToken[],
  target: Target,
): UsageError {
  const what =
    wanted === undefined ? `no ${mode} access token` : `no ${mode} access token saved for tunnel "${wanted}"`;
  const local = others.find(({ issuer }) => issuer.type === "local")?.issuer;
  if (local?.type === "local" && target.local === undefined) {
    return new UsageError(
      `${what}, except of the serve-local on "${local.stateDir}"`,
      shellLine`tunnel proxy ${mode} … --local ${local.stateDir}`,
    );
  }
  const open = target.local === undefined ? "tunnel open" : "tunnel open --local";
  return new UsageError(what, `${open} …, or set AWSIOT_TUNNEL_ACCESS_TOKEN, or --access-token-file FILE`);
}
