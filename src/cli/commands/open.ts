import type { OpenTunnelRequest, OpenTunnelResponse } from "../../aws/shapes.ts";
import { UsageError } from "../../base/errors.ts";
import { shellLine } from "../../base/shell.ts";
import { checkTagCount } from "../config/values.ts";
import type { Target } from "../target/target.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const openCommand: Command = {
  name: "open",
  group: "Tunnels",
  summary: "open a tunnel to a device",
  options: ["thing", "service", "description", "lifetime", "tag", "destinationTokenFile"],
  examples: [
    "tunnel open --thing pump-7 --service SSH",
    "tunnel open --service SSH --service VNC --lifetime 90m --destination-token-file device.token",
  ],
  notes: [
    "The device named by --thing is told over MQTT. Without --thing its access token has to be carried there by hand.",
    "The access tokens are kept for you: the next `tunnel proxy source` needs none. With --json they are printed.",
    "AWS bills every tunnel that is opened; `tunnel rotate` gives one that is open already new tokens for free.",
  ],
  run: openTunnel,
};

async function openTunnel(context: CommandContext): Promise<undefined> {
  const { withControlPlane } = await import("../target/connect-control-plane.ts");
  const { keepTokens } = await import("../../operator/user-tokens.ts");
  const { endOf } = await import("../../operator/tunnel-end.ts");
  const { prepareForTokens, writeDestinationToken } = await import("../tokens/destination-token-file.ts");
  const request = requestOf(context);
  await withControlPlane(context, async ({ controlPlane, target }) => {
    const region = await controlPlane.region();
    prepareForTokens(context);
    const answer = await controlPlane.openTunnel(request);
    const expiresAt = endOf(request);
    const { tunnelId } = answer;
    const { issuer } = target;
    const { description } = request;
    keepTokens({ tunnelId, region, issuer, expiresAt, description, answer }, context.env);
    writeDestinationToken(answer.destinationAccessToken, context);
    const { rememberSeen } = await import("../words/completion/seen.ts");
    rememberSeen(context.env, [{ tunnelId, thingName: context.settings.get("thing") }]);
    await print(answer, expiresAt, target, context);
  });
  return undefined;
}

function requestOf({ settings }: CommandContext): OpenTunnelRequest {
  const thingName = settings.get("thing");
  const services = settings.get("service");
  if (thingName !== undefined && services.length === 0) {
    throw new UsageError(
      `--service is missing: which service of "${thingName}"?`,
      shellLine`tunnel open --thing ${thingName} --service SSH`,
    );
  }
  const twice = services.find((service, index) => services.indexOf(service) !== index);
  if (twice !== undefined) throw new UsageError(`--service "${twice}" is given twice`);
  const description = settings.get("description");
  const maxLifetimeTimeoutMinutes = settings.get("lifetime");
  const tags = settings.get("tag");
  checkTagCount(tags.length);
  return {
    ...(description === undefined ? {} : { description }),
    ...(tags.length === 0 ? {} : { tags: [...tags] }),
    ...(services.length === 0
      ? {}
      : {
          destinationConfig: { ...(thingName === undefined ? {} : { thingName }), services: [...services] },
        }),
    ...(maxLifetimeTimeoutMinutes === undefined ? {} : { timeoutConfig: { maxLifetimeTimeoutMinutes } }),
  };
}

async function print(
  answer: OpenTunnelResponse,
  expiresAt: Date,
  target: Target,
  { settings, output, env }: CommandContext,
): Promise<void> {
  const { tunnelId, tunnelArn, sourceAccessToken, destinationAccessToken } = answer;
  if (output.json) {
    output.document({ tunnelId, tunnelArn, sourceAccessToken, destinationAccessToken });
    return;
  }
  const { proxyDestinationLine, proxySourceLine } = await import("../print/next-steps.ts");
  const { formatEnd } = await import("../print/times.ts");
  const thing = settings.get("thing");
  const services = settings.get("service");
  await output.facts([
    ["tunnel", tunnelId],
    ["arn", tunnelArn],
    ["thing", thing],
    ["services", services.join(", ") || undefined],
    ["ends", formatEnd(expiresAt, new Date())],
    ["next", proxySourceLine(tunnelId, services, target, env)],
    [
      "device",
      thing === undefined
        ? proxyDestinationLine(tunnelId, services, settings.get("destinationTokenFile"), target, env)
        : undefined,
    ],
  ]);
}
