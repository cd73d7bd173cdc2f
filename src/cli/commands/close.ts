import { ServiceError } from "../../base/errors.ts";
import type { Command, CommandContext } from "../command.ts";

export const closeCommand: Command = {
  name: "close",
  group: "Tunnels",
  summary: "close a tunnel for good",
  operands: [{ name: "ID", describe: "the tunnel's id", required: true }],
  options: ["delete"],
  examples: [
    "tunnel close 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d",
    "tunnel close 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d --delete",
  ],
  notes: ["A closed tunnel stays in the list for some hours; --delete removes it from there too."],
  run: closeTunnel,
};

async function closeTunnel(context: CommandContext): Promise<undefined> {
  const { withControlPlane } = await import("../connect-control-plane.ts");
  const { openTokenStore } = await import("../saved-tokens.ts");
  const { settings, output, env } = context;
  const [tunnelId = ""] = context.operands;
  const isDelete = settings.get("delete");
  await withControlPlane(context, async ({ controlPlane }) => {
    try {
      await controlPlane.closeTunnel({ tunnelId, ...(isDelete ? { delete: true } : {}) });
    } catch (error) {
      if (error instanceof ServiceError && error.code === "ERR_NOT_FOUND") {
        openTokenStore(env).delete(tunnelId);
      }
      throw error;
    }
    openTokenStore(env).delete(tunnelId);
    const { rememberSeen } = await import("../seen.ts");
    rememberSeen(env, [{ tunnelId, status: "CLOSED" }]);
    if (output.json) {
      output.document({ tunnelId, deleted: isDelete });
    } else {
      output.line(`${isDelete ? "deleted" : "closed"} ${tunnelId}`);
    }
  });
  return undefined;
}
