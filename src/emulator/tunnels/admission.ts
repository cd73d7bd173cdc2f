// Who may connect to a tunnel: the token rules of the data plane, over the store.
import { AccessToken } from "../../base/secret.ts";
import type { Side } from "../relay/relay.ts";
import type { Store } from "../store/store.ts";
import { asOf } from "./lifetime.ts";
import {
  createAccessToken,
  hashToken,
  judgeToken,
  type RandomBytes,
  REASON_CLIENT_TOKEN_TAKEN,
  REASON_CLOSED,
  REASON_UNKNOWN,
  reasonWrongMode,
} from "./tokens.ts";

/** What a local proxy presents in its handshake. */
export interface AdmissionRequest {
  readonly accessToken: string;
  readonly clientToken: string | undefined;
  readonly mode: Side;
}

/** The answer: tunnel and services, or HTTP status and sentence of the refusal. */
export type Admission =
  | { readonly type: "admitted"; readonly tunnelId: string; readonly services: readonly string[] }
  | { readonly type: "refused"; readonly status: number; readonly reason: string };

/**
 * Applies the token rules and writes the use of the access token down. Status 403 for a token that is unknown or
 * revoked is what the service was seen to answer; 400 for the rest, where its status is known for re-use only.
 */
export function admit(store: Store, request: AdmissionRequest, now: number): Admission {
  const token = store.findToken(hashToken(request.accessToken));
  const tunnel = token === undefined ? undefined : store.findTunnel(token.tunnelId);
  if (token === undefined || tunnel === undefined) {
    return { type: "refused", status: 403, reason: REASON_UNKNOWN };
  }
  if (asOf(now, tunnel).status === "CLOSED") return refuse(REASON_CLOSED);
  if (token.mode !== request.mode) return refuse(reasonWrongMode(token));
  const clientTokenHash = request.clientToken === undefined ? undefined : hashToken(request.clientToken);
  const verdict = judgeToken(token, clientTokenHash);
  if (verdict.type === "refused") return refuse(verdict.reason);
  if (clientTokenHash !== undefined && isTaken(store, clientTokenHash, token.tokenHash)) {
    return refuse(REASON_CLIENT_TOKEN_TAKEN);
  }
  if (verdict.use !== token.use) store.saveToken({ ...token, use: verdict.use });
  return { type: "admitted", tunnelId: tunnel.tunnelId, services: tunnel.services ?? [] };
}

/** Makes the access token of one side; a former one of that side is revoked and its client token free again. */
export function issueToken(
  store: Store,
  side: { readonly tunnelId: string; readonly mode: Side; readonly random: RandomBytes },
): AccessToken {
  const { tunnelId, mode } = side;
  const accessToken = createAccessToken(side.random);
  store.removeTokens(tunnelId, mode);
  store.saveToken({ tokenHash: hashToken(accessToken), tunnelId, mode, use: { type: "unused" } });
  return new AccessToken(accessToken);
}

/** A client token serves one access token among all open tunnels. */
function isTaken(store: Store, clientTokenHash: string, tokenHash: string): boolean {
  return store
    .tokensOfClient(clientTokenHash)
    .some((other) => other.tokenHash !== tokenHash && store.findTunnel(other.tunnelId)?.status === "OPEN");
}

function refuse(reason: string): Admission {
  return { type: "refused", status: 400, reason };
}
