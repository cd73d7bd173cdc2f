import type { ControlPlane } from "../aws/control-plane.ts";
import type { DestinationConfig, RotateTunnelAccessTokenResponse, Tunnel } from "../aws/shapes.ts";
import type { Env } from "../base/env.ts";
import { describeIfAllowed } from "./describe-if-allowed.ts";
import type { Issuer } from "./saved-token.ts";
import { endOf } from "./tunnel-end.ts";
import { keepTokens, openTokenStore } from "./user-tokens.ts";

const CLIENT_MODES = { source: "SOURCE", destination: "DESTINATION", all: "ALL" } as const;

/** Whose token is replaced. */
export type RotatedSides = keyof typeof CLIENT_MODES;

/** What was rotated, as far as we may look at it, and the new tokens. */
export interface Rotated {
  readonly tunnel: Partial<Tunnel>;
  readonly answer: RotateTunnelAccessTokenResponse;
}

/**
 * Replaces access tokens and keeps the new ones. With the destination's goes the configuration by which its device is
 * told: the tunnel's own, or what `destinationOf` makes of it. Without permission to describe the tunnel it still works,
 * only with less known about it. Throws TunnelError.
 */
export async function rotateTokens(
  tunnelId: string,
  sides: RotatedSides,
  { controlPlane, issuer }: { readonly controlPlane: ControlPlane; readonly issuer: Issuer },
  env: Env,
  destinationOf = (tunnel: Partial<Tunnel>): DestinationConfig | undefined => tunnel.destinationConfig,
): Promise<Rotated> {
  openTokenStore(env).prepare();
  const region = await controlPlane.region();
  const tunnel: Partial<Tunnel> = (await describeIfAllowed(tunnelId, controlPlane)) ?? {};
  const destinationConfig = sides === "source" ? undefined : destinationOf(tunnel);
  const answer = await controlPlane.rotateTunnelAccessToken({
    tunnelId,
    clientMode: CLIENT_MODES[sides],
    ...(destinationConfig === undefined ? {} : { destinationConfig }),
  });
  const { description } = tunnel;
  keepTokens({ tunnelId, region, issuer, expiresAt: endOf(tunnel), description, answer }, env);
  return { tunnel, answer };
}
