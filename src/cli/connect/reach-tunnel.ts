import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { ControlPlane } from "../../aws/control-plane.ts";
import { TunnelError } from "../../base/errors.ts";
import { FileLock } from "../../base/file-lock.ts";
import { shellLine } from "../../base/shell.ts";
import { ownerName } from "../../operator/connect-tags.ts";
import { type MeetingPoint, meetingPointOf } from "../../operator/meeting-point.ts";
import { Member } from "../../operator/member.ts";
import { orAborted } from "../../operator/own-tunnel.ts";
import { Owner } from "../../operator/owner.ts";
import type { ConnectEvent, ConnectRequest, TunnelUse } from "../../operator/request.ts";
import type { ProxyEvent } from "../../proxy/options.ts";
import type { StatusBoard } from "../../proxy/status.ts";
import { localWordsFor } from "../config/local.ts";
import { dataPlaneOf, regionOf, type Target } from "../target/target.ts";
import type { CommandContext } from "../words/command.ts";

/** How long to wait for a process that has the lock and cannot be joined: it is starting, or closing its tunnel. */
const LOCKED_MS = 60_000;
const LOCK_POLL_MS = 50;

export interface UseOptions {
  readonly request: ConnectRequest;
  readonly target: Target;
  readonly context: CommandContext;
  readonly onEvent: (event: ConnectEvent) => void;
  readonly onProxyEvent: (event: ProxyEvent) => void;
  readonly onOthersOnly: () => AbortSignal;
  /** Where a source of our own tells how it goes. */
  readonly board: StatusBoard;
  /** Makes the control plane, for the process that needs one. */
  readonly controlPlane: () => Promise<ControlPlane>;
  readonly signal: AbortSignal;
}

/**
 * A tunnel that carries: that of the connect which runs on this machine for the same thing, service, region and
 * endpoint, or one of our own. Throws TunnelError and the signal's reason.
 */
export async function reachTunnel(options: UseOptions): Promise<TunnelUse> {
  const { request, target, context, onEvent, signal } = options;
  const region = await regionOf(target, context.env);
  const point = meetingPointOf(
    request,
    { ...target, region, account: target.shared?.accountFacts ?? [] },
    context.env,
  );
  const end = performance.now() + LOCKED_MS;
  while (performance.now() < end) {
    signal.throwIfAborted();
    const member = await Member.join(point, (what) => onEvent({ event: "waiting", for: what }), signal);
    if (member !== undefined) {
      onEvent({ event: "joined", tunnelId: member.tunnelId, pid: member.pid });
      return member;
    }
    const lock = FileLock.tryTake(point.lock);
    if (lock !== undefined) return own(options, point, lock, region);
    onEvent({ event: "waiting", for: "the other tunnel connect of this machine" });
    await orAborted(sleep(LOCK_POLL_MS), signal);
  }
  throw new TunnelError("ERR_LIMIT", "another tunnel connect for this thing neither carries nor ends", {
    hint: `see who has it open: ${shellLine`fuser ${point.lock}`}`,
  });
}

async function own(options: UseOptions, point: MeetingPoint, lock: FileLock, region: string): Promise<Owner> {
  const { request, target, context, signal, onEvent, onProxyEvent, onOthersOnly, board } = options;
  const { tidyTokens } = await import("../../operator/user-tokens.ts");
  const [controlPlane, dataPlane] = await Promise.all([
    options.controlPlane(),
    dataPlaneOf(target, region, context.env),
  ]).catch((error) => {
    lock.release();
    throw error;
  });
  return Owner.start({
    point,
    lock,
    pid: process.pid,
    request,
    controlPlane,
    dataPlane,
    owner: ownerName(),
    hint: hintFor(request, target, context),
    log: context.log,
    forgetToken: (tunnelId, mode) =>
      tidyTokens(context.env, context.log, (store) => store.delete(tunnelId, mode)),
    onEvent,
    onProxyEvent,
    board,
    onOthersOnly,
    signal,
  });
}

function hintFor({ thing, service }: ConnectRequest, { local }: Target, { env }: CommandContext): string {
  const words = local === undefined ? "" : ` ${localWordsFor(local.stateDir, env)}`;
  return `is it on, and does an agent run there? tunnel agent${words} ${shellLine`--thing ${thing} --map ${`${service}=22`}`}`;
}
