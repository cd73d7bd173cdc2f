import { ControlPlane } from "../../aws/control-plane.ts";
import type { CredentialSource } from "../../aws/credentials/keys.ts";
import type { Env } from "../../base/env.ts";
import { UnreachableError } from "../../base/errors.ts";
import { serveLocalCommandFor } from "../config/local.ts";
import type { CommandContext } from "../words/command.ts";
import { agentFor, controlPlaneOf, credentialsOf, regionOf, resolveTarget, type Target } from "./target.ts";

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
  const agent = agentFor(target, env);
  let credentials: Promise<CredentialSource> | undefined;
  return new ControlPlane({
    region: () => regionOf(target, env),
    endpoint: (region) => controlPlaneOf(target, region),
    credentials: async () => {
      credentials ??= credentialsOf(target, agent, signal);
      return (await credentials)();
    },
    agent,
    log,
    signal,
  });
}

function notRunning(cause: UnreachableError, stateDir: string, env: Env): UnreachableError {
  return new UnreachableError(`${cause.message} (serve-local on "${stateDir}")`, {
    hint: serveLocalCommandFor(stateDir, env),
    cause,
  });
}
