import type { Agent } from "node:https";
import process from "node:process";
import { ControlPlane } from "../aws/control-plane.ts";
import { UnreachableError } from "../base/errors.ts";
import { RoutingAgent } from "../net/routing-agent.ts";
import type { CommandContext } from "./command.ts";
import type { Env } from "./config/layers.ts";
import { serveLocalCommandFor } from "./config/local.ts";
import { resolveTarget, type Target } from "./target.ts";

/** A control plane for one command, and the target it was made for. */
export interface Connection {
  readonly controlPlane: ControlPlane;
  readonly target: Target;
}

/** Runs `work` with the control plane that the settings name, and closes it afterwards. */
export async function withControlPlane<T>(
  context: CommandContext,
  work: (connection: Connection) => Promise<T>,
  target: Target = resolveTarget(context),
): Promise<T> {
  const controlPlane = connect(target, context);
  try {
    return await work({ controlPlane, target });
  } catch (error) {
    throw target.local !== undefined && error instanceof UnreachableError
      ? notRunning(error, target.local.stateDir, context.env)
      : error;
  } finally {
    controlPlane.close();
  }
}

/** A control plane for a target; whoever made it closes it. */
export function connect(target: Target, { env, log, signal }: CommandContext): ControlPlane {
  if (target.profile !== undefined) {
    // The SDK looks the profile up in five places (credentials, region, endpoint, FIPS, dual-stack); only the
    // variable reaches all of them.
    process.env["AWS_PROFILE"] = target.profile;
  }
  return new ControlPlane({
    region: target.region,
    endpoint: target.endpointUrl,
    profile: target.local === undefined ? (target.profile ?? env["AWS_PROFILE"]) : undefined,
    agent: new RoutingAgent(target.ca, env, { onlyThese: target.local !== undefined }) as unknown as Agent,
    dummyCredentials:
      target.local === undefined ? undefined : (target.local.credentials ?? DUMMY_CREDENTIALS),
    log,
    signal,
  });
}

const DUMMY_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };

function notRunning(cause: UnreachableError, stateDir: string, env: Env): UnreachableError {
  return new UnreachableError(`${cause.message} (serve-local on "${stateDir}")`, {
    hint: serveLocalCommandFor(stateDir, env),
    cause,
  });
}
