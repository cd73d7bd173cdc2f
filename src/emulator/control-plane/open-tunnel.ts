import { MAX_TUNNEL_LIFE_MINUTES } from "../../protocol/constants.ts";
import { DESTINATION_CONFIG, TAGS } from "./members.ts";
import type { Operation } from "./operation.ts";

/** The only answer, with rotation's, in which access tokens are readable. */
export const openTunnel: Operation<"OpenTunnel"> = {
  input: {
    type: "structure",
    members: {
      description: { type: "string", pattern: "[^\\p{C}]{1,2048}" },
      tags: TAGS,
      destinationConfig: DESTINATION_CONFIG,
      timeoutConfig: {
        type: "structure",
        members: { maxLifetimeTimeoutMinutes: { type: "integer", min: 1, max: MAX_TUNNEL_LIFE_MINUTES } },
      },
    },
  },
  run({ description, tags, destinationConfig, timeoutConfig }, tunnels) {
    const lifetimeMinutes = timeoutConfig?.maxLifetimeTimeoutMinutes;
    const { tunnel, tokens } = tunnels.open({ description, tags, destinationConfig, lifetimeMinutes });
    return {
      tunnelId: tunnel.tunnelId,
      tunnelArn: tunnel.tunnelArn,
      sourceAccessToken: tokens.source.reveal(),
      destinationAccessToken: tokens.destination.reveal(),
    };
  },
};
