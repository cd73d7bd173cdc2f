import { ServiceError, UsageError } from "../../base/errors.ts";
import type { Command, CommandContext } from "../command.ts";
import type { Connection } from "../connect-control-plane.ts";

export const closeCommand: Command = {
  name: "close",
  group: "Tunnels",
  summary: "close a tunnel for good",
  operands: [{ name: "ID", describe: "the tunnel's id; or --stale" }],
  options: ["stale", "delete"],
  examples: [
    "tunnel close 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d",
    "tunnel close 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d --delete",
    "tunnel close --stale",
  ],
  notes: ["A closed tunnel stays in the list for some hours; --delete removes it from there too."],
  run: closeTunnel,
};

async function closeTunnel(context: CommandContext): Promise<undefined> {
  const { withControlPlane } = await import("../connect-control-plane.ts");
  const { settings, output, env } = context;
  const [tunnelId] = context.operands;
  const isStale = settings.get("stale");
  if ((tunnelId === undefined) !== isStale) {
    const message = isStale ? "--stale goes without an ID" : "ID is missing: which tunnel?";
    throw new UsageError(message, isStale ? "tunnel close --stale" : closeCommand.examples[0]);
  }
  await withControlPlane(context, async (connection) => {
    const { controlPlane } = connection;
    if (tunnelId !== undefined) {
      return closeOne(tunnelId, connection, context);
    }
    const { staleTunnels } = await import("../connect/stale.ts");
    const stale = await staleTunnels(controlPlane, { thingName: undefined, max: MAX_LISTED }, env);
    for (const tunnel of stale) {
      await closeOne(tunnel.tunnelId ?? "", connection, context);
    }
    if (stale.length === 0) {
      output.announce("no tunnel is left over");
    }
  });
  return undefined;
}

/** More tunnels than an account has. */
const MAX_LISTED = 100_000;

async function closeOne(
  tunnelId: string,
  { controlPlane, target }: Connection,
  { settings, output, env }: CommandContext,
): Promise<void> {
  const { forgetUnknownTunnel, openTokenStore } = await import("../saved-tokens.ts");
  const isDelete = settings.get("delete");
  try {
    await controlPlane.closeTunnel({ tunnelId, ...(isDelete ? { delete: true } : {}) });
  } catch (error) {
    if (error instanceof ServiceError && error.code === "ERR_NOT_FOUND") {
      forgetUnknownTunnel(tunnelId, { issuer: target.issuer, region: await controlPlane.region() }, env);
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
}
