import type { Tunnel } from "../../aws/shapes.ts";
import { AccessToken } from "../../base/secret.ts";
import type { Env } from "../config/layers.ts";
import type { Connection } from "../target/connect-control-plane.ts";
import { openTokenStore } from "./saved-tokens.ts";

const CLIENT_MODES = { source: "SOURCE", destination: "DESTINATION", all: "ALL" } as const;
/** The longest life of a tunnel. */
const MAX_LIFETIME_MINUTES = 720;

/** Rotates with the tunnel's own destination configuration, so that its device is told, and keeps the tokens. */
export async function rotateAndKeep(
  tunnelId: string,
  mode: keyof typeof CLIENT_MODES,
  { controlPlane, target }: Connection,
  env: Env,
): Promise<void> {
  const store = openTokenStore(env);
  store.prepare();
  const [region, tunnel] = [await controlPlane.region(), await controlPlane.describeTunnel(tunnelId)];
  const destinationConfig = mode === "source" ? undefined : tunnel.destinationConfig;
  const answer = await controlPlane.rotateTunnelAccessToken({
    tunnelId,
    clientMode: CLIENT_MODES[mode],
    ...(destinationConfig === undefined ? {} : { destinationConfig }),
  });
  const kept = { tunnelId, region, expiresAt: expiryOf(tunnel), issuer: target.issuer };
  for (const side of ["source", "destination"] as const) {
    const text = answer[`${side}AccessToken`];
    if (text !== undefined) store.save({ ...kept, mode: side, accessToken: new AccessToken(text) });
  }
}

function expiryOf({ createdAt, timeoutConfig }: Tunnel): Date {
  const minutes = timeoutConfig?.maxLifetimeTimeoutMinutes ?? MAX_LIFETIME_MINUTES;
  return new Date(createdAt.getTime() + minutes * 60_000);
}
