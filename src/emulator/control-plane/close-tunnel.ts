import { TUNNEL_ID } from "./members.ts";
import type { Operation } from "./operation.ts";

export const closeTunnel: Operation<"CloseTunnel"> = {
  input: {
    type: "structure",
    required: ["tunnelId"],
    members: { tunnelId: TUNNEL_ID, delete: { type: "boolean" } },
  },
  run(request, tunnels) {
    tunnels.close(request.tunnelId, { isDeleted: request.delete ?? false });
    return {};
  },
};
