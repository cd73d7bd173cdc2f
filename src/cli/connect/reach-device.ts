import type { ControlPlane } from "../../aws/control-plane.ts";
import { shellLine } from "../../base/shell.ts";
import type { ConnectRequest, TunnelUse } from "../../operator/request.ts";
import { withTunnel } from "../../operator/with-tunnel.ts";
import type { UseOptions } from "../../operator/with-tunnel-options.ts";
import { localWords } from "../config/local.ts";
import { dataPlaneOf, regionOf, type Target } from "../target/target.ts";
import type { CommandContext } from "../words/command.ts";

/** What is to be used, and whom that tells. */
type Use = Pick<UseOptions, "request" | "onEvent" | "onProxyEvent" | "onOthersOnly" | "board" | "signal"> & {
  readonly target: Target;
};

/** Does `work` with a tunnel to the service of a device, as the settings of a command say; see withTunnel. */
export async function reachDevice<T>(
  { target, ...use }: Use,
  context: CommandContext,
  work: (tunnel: TunnelUse) => Promise<T>,
): Promise<T> {
  const { env, log } = context;
  const region = await regionOf(target, env);
  await using controlPlane = controlPlaneFor(target, context);
  const options = {
    ...use,
    facts: { ...target, region, account: target.shared?.accountFacts ?? [] },
    controlPlane: controlPlane.get,
    dataPlane: () => dataPlaneOf(target, region, env),
    env,
    log,
    hint: `is it on, and does an agent run there? ${agentLine(use.request, target, context)}`,
  };
  return await withTunnel(options, work);
}

/** Makes the control plane for the process that needs one, and closes it. */
function controlPlaneFor(target: Target, context: CommandContext) {
  let made: Promise<ControlPlane> | undefined;
  const make = async () => {
    const { connect: connectControlPlane } = await import("../target/connect-control-plane.ts");
    // Not ended by Ctrl-C: what was opened has to be closed afterwards.
    return connectControlPlane(target, { ...context, signal: new AbortController().signal });
  };
  return {
    get: () => (made ??= make()),
    async [Symbol.asyncDispose]() {
      (await made?.catch(() => undefined))?.close(); // whoever asked for it was told
    },
  };
}

/** What to type at the device. */
export function agentLine(
  { thing, service }: ConnectRequest,
  { local }: Target,
  { env }: CommandContext,
): string {
  return `tunnel agent${localWords(local, env)} ${shellLine`--thing ${thing} --map ${`${service}=22`}`}`;
}
