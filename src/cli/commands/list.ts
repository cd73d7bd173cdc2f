import type { ControlPlane } from "../../aws/control-plane.ts";
import type { Tunnel, TunnelSummary } from "../../aws/shapes.ts";
import type { Output } from "../print/output.ts";
import { formatTime } from "../print/times.ts";
import type { Command, CommandContext } from "../words/command.ts";
import type { SeenTunnel } from "../words/completion/seen.ts";

export const listCommand: Command = {
  name: "list",
  group: "Tunnels",
  summary: "list tunnels, the newest first",
  options: ["thing", "max", "stale", "wide", "watch"],
  examples: [
    "tunnel list",
    "tunnel list --thing pump-7 --json",
    "tunnel list --wide",
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
    const tunnelSummaries = await find(controlPlane, filter, context);
    const { rememberSeen } = await import("../words/completion/seen.ts");
    rememberSeen(
      context.env,
      tunnelSummaries.map((tunnel) => seenOf(tunnel, filter.thingName)),
    );
    if (output.json) {
      output.document({ tunnelSummaries });
    } else if (tunnelSummaries.length === 0) {
      output.remark(settings.get("stale") ? "no tunnel is left over" : "no tunnels");
    } else {
      await print(tunnelSummaries, settings.get("wide"), output);
    }
  });
  return undefined;
}

/** A tunnel as the service lists it, or with all that it tells of one. */
type Listed = TunnelSummary & Partial<Omit<Tunnel, keyof TunnelSummary>>;

interface Filter {
  readonly thingName: string | undefined;
  readonly max: number;
}

async function find(controlPlane: ControlPlane, filter: Filter, context: CommandContext): Promise<Listed[]> {
  const { settings } = context;
  const isWide = settings.get("wide");
  if (settings.get("stale")) {
    const tunnels = await staleTunnels(controlPlane, filter, context);
    return isWide ? tunnels : tunnels.map(summaryOf);
  }
  const summaries = await controlPlane.listTunnels(filter);
  if (!isWide) return summaries;
  const { describeAll } = await import("../../operator/describe-all.ts");
  const ids = summaries.map(({ tunnelId }) => tunnelId);
  return describeAll(controlPlane, ids, (error) => {
    throw error;
  });
}

async function staleTunnels(
  controlPlane: ControlPlane,
  filter: Filter,
  { env, log }: CommandContext,
): Promise<Tunnel[]> {
  const { staleTunnels: find } = await import("../../operator/stale.ts");
  return find(controlPlane, filter, env, ({ message }) => log.warn("{message}", { message }));
}

function summaryOf(tunnel: Tunnel): TunnelSummary {
  const { tunnelId, tunnelArn, status, description, createdAt, lastUpdatedAt } = tunnel;
  return { tunnelId, tunnelArn, status, description, createdAt, lastUpdatedAt };
}

function seenOf({ tunnelId, status, destinationConfig }: Listed, thingName: string | undefined): SeenTunnel {
  return { tunnelId, status, thingName: destinationConfig?.thingName ?? thingName };
}

async function print(tunnels: readonly Listed[], isWide: boolean, output: Output): Promise<void> {
  const now = new Date();
  const rows = tunnels.map((tunnel) => [
    tunnel.tunnelId,
    tunnel.status?.toLowerCase() ?? "",
    ...(isWide ? wideCells(tunnel) : []),
    tunnel.createdAt === undefined ? "" : formatTime(tunnel.createdAt, now),
    tunnel.description ?? "",
  ]);
  const wide = isWide ? ["THING", "SERVICES", "SOURCE", "DESTINATION"] : [];
  await output.table(["TUNNEL", "STATUS", ...wide, "OPENED", "DESCRIPTION"], rows);
}

function wideCells({
  destinationConfig,
  sourceConnectionState,
  destinationConnectionState,
}: Listed): string[] {
  return [
    destinationConfig?.thingName ?? "",
    destinationConfig?.services.join(",") ?? "",
    sourceConnectionState?.status?.toLowerCase() ?? "",
    destinationConnectionState?.status?.toLowerCase() ?? "",
  ];
}
