import type { ControlPlane } from "../../aws/control-plane.ts";
import type { TunnelSummary } from "../../aws/shapes.ts";
import { formatTime } from "../print/times.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const listCommand: Command = {
  name: "list",
  group: "Tunnels",
  summary: "list tunnels, the newest first",
  options: ["thing", "max", "stale", "watch"],
  examples: [
    "tunnel list",
    "tunnel list --thing pump-7 --json",
    "tunnel list --watch",
    "tunnel list --stale",
  ],
  run: listTunnels,
};

async function listTunnels(context: CommandContext): Promise<undefined> {
  if (context.settings.get("watch")) {
    const { watchList } = await import("../watch/watch-tunnels.ts");
    await watchList(context);
    return undefined;
  }
  const { withControlPlane } = await import("../target/connect-control-plane.ts");
  const { settings, output } = context;
  await withControlPlane(context, async ({ controlPlane }) => {
    const max = settings.get("max");
    const filter = { thingName: settings.get("thing"), max };
    const tunnelSummaries = settings.get("stale")
      ? await staleSummaries(controlPlane, filter, context)
      : await controlPlane.listTunnels(filter);
    const { rememberSeen } = await import("../words/completion/seen.ts");
    const thingName = settings.get("thing");
    rememberSeen(
      context.env,
      tunnelSummaries.map(({ tunnelId, status }) => ({ tunnelId, status, thingName })),
    );
    if (output.json) {
      output.document({ tunnelSummaries });
      return;
    }
    if (tunnelSummaries.length === 0) {
      output.remark(settings.get("stale") ? "no tunnel is left over" : "no tunnels");
      return;
    }
    const now = new Date();
    const rows = tunnelSummaries.map((tunnel) => [
      tunnel.tunnelId,
      tunnel.status?.toLowerCase() ?? "",
      tunnel.createdAt === undefined ? "" : formatTime(tunnel.createdAt, now),
      tunnel.description ?? "",
    ]);
    await output.table(["TUNNEL", "STATUS", "OPENED", "DESCRIPTION"], rows);
  });
  return undefined;
}

async function staleSummaries(
  controlPlane: ControlPlane,
  filter: { readonly thingName: string | undefined; readonly max: number },
  { env, log }: CommandContext,
): Promise<TunnelSummary[]> {
  const { staleTunnels } = await import("../../operator/stale.ts");
  const tunnels = await staleTunnels(controlPlane, filter, env, ({ message }) =>
    log.warn("{message}", { message }),
  );
  return tunnels.map(({ tunnelId, tunnelArn, status, description, createdAt, lastUpdatedAt }) => ({
    tunnelId,
    tunnelArn,
    status,
    description,
    createdAt,
    lastUpdatedAt,
  }));
}
