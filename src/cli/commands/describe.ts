import type { ConnectionState, Tunnel } from "../../aws/shapes.ts";
import { formatEnd, formatTime } from "../print/times.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const describeCommand: Command = {
  name: "describe",
  group: "Tunnels",
  summary: "show one tunnel and whether its two sides are connected",
  operands: [{ name: "ID", describe: "the tunnel's id", required: true }],
  options: ["watch"],
  examples: [
    "tunnel describe 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d",
    "tunnel describe 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d --watch",
  ],
  run: describeTunnel,
};

async function describeTunnel(context: CommandContext): Promise<undefined> {
  const { withControlPlane } = await import("../target/connect-control-plane.ts");
  const [id = ""] = context.operands;
  if (context.settings.get("watch")) {
    const { watchOne } = await import("../watch/watch-tunnels.ts");
    await watchOne(id, context);
    return undefined;
  }
  await withControlPlane(context, async ({ controlPlane }) => {
    const tunnel = await controlPlane.describeTunnel(id);
    const { rememberSeen } = await import("../words/completion/seen.ts");
    const { tunnelId, status, destinationConfig } = tunnel;
    rememberSeen(context.env, [{ tunnelId, status, thingName: destinationConfig?.thingName }]);
    if (context.output.json) {
      context.output.document({ tunnel });
    } else {
      await print(tunnel, context);
    }
  });
  return undefined;
}

async function print(tunnel: Tunnel, { output }: CommandContext): Promise<void> {
  const now = new Date();
  const tags = (tunnel.tags ?? []).map(({ key, value }) => `${key}=${value}`).join(", ");
  await output.facts([
    ["tunnel", tunnel.tunnelId],
    ["arn", tunnel.tunnelArn],
    ["status", tunnel.status.toLowerCase()],
    ["description", tunnel.description],
    ["thing", tunnel.destinationConfig?.thingName],
    ["services", tunnel.destinationConfig?.services.join(", ") || undefined],
    ["source", sideText(tunnel.sourceConnectionState, now)],
    ["destination", sideText(tunnel.destinationConnectionState, now)],
    ["opened", formatTime(tunnel.createdAt, now)],
    ["ends", tunnel.status === "OPEN" ? endText(tunnel, now) : undefined],
    ["tags", tags || undefined],
  ]);
}

function sideText(state: ConnectionState | undefined, now: Date): string | undefined {
  const since = state?.lastUpdatedAt === undefined ? "" : ` since ${formatTime(state.lastUpdatedAt, now)}`;
  return state?.status === undefined ? undefined : `${state.status.toLowerCase()}${since}`;
}

function endText({ createdAt, timeoutConfig }: Tunnel, now: Date): string | undefined {
  const minutes = timeoutConfig?.maxLifetimeTimeoutMinutes;
  return minutes === undefined ? undefined : formatEnd(new Date(createdAt.getTime() + minutes * 60_000), now);
}
