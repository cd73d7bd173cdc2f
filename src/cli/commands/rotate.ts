import type { ControlPlane, RotatedTokens } from "../../aws/control-plane.ts";
import type { DestinationConfig, RotateTunnelAccessTokenRequest, Tunnel } from "../../aws/shapes.ts";
import { ServiceError, UsageError } from "../../base/errors.ts";
import { shellLine } from "../../base/shell.ts";
import type { Target } from "../target/target.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const rotateCommand: Command = {
  name: "rotate",
  group: "Tunnels",
  summary: "replace the access tokens of an open tunnel",
  operands: [{ name: "ID", describe: "the tunnel's id", required: true }],
  options: ["rotateMode", "thing", "service", "destinationTokenFile"],
  examples: [
    "tunnel rotate 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d --mode source",
    "tunnel rotate 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d --mode destination --thing pump-7 --service SSH",
  ],
  notes: [
    "The old tokens end at once. Rotating the destination also tells the device again, which helps when it was offline.",
    "Thing and services are those of the tunnel unless given. The new tokens are kept as `tunnel open` keeps them.",
  ],
  run: rotateTokens,
};

async function rotateTokens(context: CommandContext): Promise<undefined> {
  const { withControlPlane } = await import("../target/connect-control-plane.ts");
  const { keepTokens, prepareForTokens } = await import("../tokens/saved-tokens.ts");
  const [tunnelId = ""] = context.operands;
  const mode = modeOf(tunnelId, context);
  await withControlPlane(context, async ({ controlPlane, target }) => {
    const region = await controlPlane.region();
    prepareForTokens(context);
    const tunnel = await describeIfAllowed(tunnelId, controlPlane);
    const answer = await controlPlane.rotateTunnelAccessToken(requestOf(tunnelId, mode, tunnel, context));
    const [expiresAt, description] = [expiryOf(tunnel), tunnel?.description];
    keepTokens({ tunnelId, region, expiresAt, description, answer }, target, context);
    await print(tunnelId, tunnel, answer, target, context);
  });
  return undefined;
}

type RotateMode = "source" | "destination" | "all";

function modeOf(tunnelId: string, { settings }: CommandContext): RotateMode {
  const mode = settings.get("rotateMode");
  if (mode === undefined) {
    throw new UsageError(
      "--mode is missing: source, destination or all",
      shellLine`tunnel rotate ${tunnelId} --mode source`,
    );
  }
  if (mode === "source") {
    const extra = (["thing", "service", "destinationTokenFile"] as const).find(
      (key) => settings.origin(key).type === "flag",
    );
    if (extra !== undefined) {
      throw new UsageError(
        "--thing, --service and --destination-token-file are about the destination",
        shellLine`tunnel rotate ${tunnelId} --mode all …`,
      );
    }
  }
  return mode;
}

function requestOf(
  tunnelId: string,
  mode: RotateMode,
  tunnel: Tunnel | undefined,
  { settings }: CommandContext,
): RotateTunnelAccessTokenRequest {
  const thingName = settings.get("thing") ?? tunnel?.destinationConfig?.thingName;
  const given = settings.get("service");
  const services = given.length > 0 ? given : (tunnel?.destinationConfig?.services ?? []);
  if (settings.get("thing") !== undefined && services.length === 0) {
    throw new UsageError(
      `--service is missing: the tunnel has none of its own`,
      shellLine`tunnel rotate ${tunnelId} --mode ${mode} --thing ${thingName ?? ""} --service SSH`,
    );
  }
  const destinationConfig: DestinationConfig = {
    services: [...services],
    ...(thingName === undefined ? {} : { thingName }),
  };
  const isWithConfig = mode !== "source" && services.length > 0;
  return {
    tunnelId,
    clientMode: mode === "source" ? "SOURCE" : mode === "destination" ? "DESTINATION" : "ALL",
    ...(isWithConfig ? { destinationConfig } : {}),
  };
}

/** Without permission to describe, rotation still works, only with less known about the tunnel. */
async function describeIfAllowed(tunnelId: string, controlPlane: ControlPlane): Promise<Tunnel | undefined> {
  try {
    return await controlPlane.describeTunnel(tunnelId);
  } catch (error) {
    if (error instanceof ServiceError && error.code === "ERR_DENIED") {
      return undefined;
    }
    throw error;
  }
}

/** Rotation does not prolong a tunnel: its end counts from its opening. */
function expiryOf(tunnel: Tunnel | undefined): Date {
  const minutes = tunnel?.timeoutConfig?.maxLifetimeTimeoutMinutes ?? 720;
  return new Date((tunnel?.createdAt.getTime() ?? Date.now()) + minutes * 60_000);
}

async function print(
  tunnelId: string,
  tunnel: Tunnel | undefined,
  answer: RotatedTokens,
  target: Target,
  { settings, output, env }: CommandContext,
): Promise<void> {
  const { tunnelArn, sourceAccessToken, destinationAccessToken } = answer;
  if (output.json) {
    output.document({ tunnelArn, sourceAccessToken, destinationAccessToken });
    return;
  }
  const { proxyDestinationLine, proxySourceLine } = await import("../print/next-steps.ts");
  const { formatEnd } = await import("../print/times.ts");
  const thing = settings.get("thing") ?? tunnel?.destinationConfig?.thingName;
  const services = tunnel?.destinationConfig?.services ?? settings.get("service");
  const tokenFile = settings.get("destinationTokenFile");
  const rotated = [sourceAccessToken && "source", destinationAccessToken && "destination"]
    .filter(Boolean)
    .join(", ");
  await output.facts([
    ["tunnel", tunnelId],
    ["rotated", rotated],
    ["ends", formatEnd(expiryOf(tunnel), new Date())],
    ["next", sourceAccessToken && proxySourceLine(tunnelId, services, target, env)],
    [
      "device",
      destinationAccessToken &&
        (thing
          ? `${thing} is told over MQTT`
          : proxyDestinationLine(tunnelId, services, tokenFile, target, env)),
    ],
  ]);
}
