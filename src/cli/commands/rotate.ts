import type { DestinationConfig, Tunnel } from "../../aws/shapes.ts";
import { UsageError } from "../../base/errors.ts";
import { shellLine } from "../../base/shell.ts";
import type { Rotated, RotatedSides } from "../../operator/rotate-tokens.ts";
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
  run: rotate,
};

async function rotate(context: CommandContext): Promise<undefined> {
  const { withControlPlane } = await import("../target/connect-control-plane.ts");
  const { rotateTokens } = await import("../../operator/rotate-tokens.ts");
  const { prepareForTokens, writeDestinationToken } = await import("../tokens/destination-token-file.ts");
  const [tunnelId = ""] = context.operands;
  const mode = modeOf(tunnelId, context);
  await withControlPlane(context, async ({ controlPlane, target }) => {
    prepareForTokens(context);
    const service = { controlPlane, issuer: target.issuer };
    const rotated = await rotateTokens(tunnelId, mode, service, context.env, (tunnel) =>
      destinationOf(tunnelId, mode, tunnel, context),
    );
    writeDestinationToken(rotated.answer.destinationAccessToken, context);
    await print(tunnelId, rotated, target, context);
  });
  return undefined;
}

function modeOf(tunnelId: string, { settings }: CommandContext): RotatedSides {
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

/** Thing and services by which the device is told: what was given, else the tunnel's own. */
function destinationOf(
  tunnelId: string,
  mode: RotatedSides,
  { destinationConfig }: Partial<Tunnel>,
  { settings }: CommandContext,
): DestinationConfig | undefined {
  const thingName = settings.get("thing") ?? destinationConfig?.thingName;
  const given = settings.get("service");
  const services = given.length > 0 ? given : (destinationConfig?.services ?? []);
  if (settings.get("thing") !== undefined && services.length === 0) {
    throw new UsageError(
      `--service is missing: the tunnel has none of its own`,
      shellLine`tunnel rotate ${tunnelId} --mode ${mode} --thing ${thingName ?? ""} --service SSH`,
    );
  }
  if (services.length === 0) return undefined;
  return { services: [...services], ...(thingName === undefined ? {} : { thingName }) };
}

async function print(
  tunnelId: string,
  { tunnel, answer }: Rotated,
  target: Target,
  { settings, output, env }: CommandContext,
): Promise<void> {
  const { tunnelArn, sourceAccessToken, destinationAccessToken } = answer;
  if (output.json) {
    output.document({ tunnelArn, sourceAccessToken, destinationAccessToken });
    return;
  }
  const { proxyDestinationLine, proxySourceLine } = await import("../print/next-steps.ts");
  const { endOf } = await import("../../operator/tunnel-end.ts");
  const { formatEnd } = await import("../print/times.ts");
  const thing = settings.get("thing") ?? tunnel.destinationConfig?.thingName;
  const services = tunnel.destinationConfig?.services ?? settings.get("service");
  const tokenFile = settings.get("destinationTokenFile");
  const rotated = [sourceAccessToken && "source", destinationAccessToken && "destination"]
    .filter(Boolean)
    .join(", ");
  await output.facts([
    ["tunnel", tunnelId],
    ["rotated", rotated],
    ["ends", formatEnd(endOf(tunnel), new Date())],
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
