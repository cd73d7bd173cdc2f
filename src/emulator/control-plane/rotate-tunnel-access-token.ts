import type { ClientMode } from "../../aws/shapes.ts";
import type { Side } from "../relay/relay.ts";
import { validationFault } from "../tunnels/fault.ts";
import { DESTINATION_CONFIG, TUNNEL_ID } from "./members.ts";
import type { Operation } from "./operation.ts";

const MODES: Readonly<Record<ClientMode, readonly Side[]>> = {
  SOURCE: ["source"],
  DESTINATION: ["destination"],
  ALL: ["source", "destination"],
};

export const rotateTunnelAccessToken: Operation<"RotateTunnelAccessToken"> = {
  input: {
    type: "structure",
    required: ["tunnelId", "clientMode"],
    members: {
      tunnelId: TUNNEL_ID,
      clientMode: { type: "string", values: Object.keys(MODES) },
      destinationConfig: DESTINATION_CONFIG,
    },
  },
  run({ tunnelId, clientMode, destinationConfig }, tunnels) {
    if (clientMode === "SOURCE" && destinationConfig !== undefined) {
      throw validationFault("destinationConfig cannot be given with clientMode SOURCE");
    }
    const { tunnel, tokens } = tunnels.rotate({ tunnelId, modes: MODES[clientMode], destinationConfig });
    return {
      tunnelArn: tunnel.tunnelArn,
      sourceAccessToken: tokens.source?.reveal(),
      destinationAccessToken: tokens.destination?.reveal(),
    };
  },
};
