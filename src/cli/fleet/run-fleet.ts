// What the run command does.

import { type TunnelError, UsageError } from "../../base/errors.ts";
import { shellLine } from "../../base/shell.ts";
import type { ConnectRequest, TunnelUse } from "../../operator/request.ts";
import { reachingOf } from "../connect/device-request.ts";
import { reachDevice } from "../connect/reach-device.ts";
import { childEnvironment, whileCarried } from "../connect/work.ts";
import { EndSignals } from "../process/end-signals.ts";
import { StopSignal } from "../process/stop-signal.ts";
import { proxyEventLog } from "../proxy/event-log.ts";
import { type Watched, withStatus } from "../proxy/with-status.ts";
import { resolveTarget, type Target } from "../target/target.ts";
import type { CommandContext } from "../words/command.ts";
import { Children } from "./children.ts";
import { FleetPrinter } from "./fleet-printer.ts";
import { inParallel } from "./in-parallel.ts";
import { isShared, type Outcome, Tally } from "./outcome.ts";
import { readThings } from "./things.ts";

/** What is the same for every thing. */
interface Fleet {
  readonly request: Omit<ConnectRequest, "thing">;
  readonly command: readonly string[];
  readonly host: string | undefined;
  readonly target: Target;
}

/** What runs for all things together. */
interface Running {
  readonly printer: FleetPrinter;
  readonly children: Children;
  readonly board: Watched["board"];
  readonly onOthersOnly: () => AbortSignal;
  readonly signal: AbortSignal;
}

/** Runs the command for each thing, some at a time. @returns 1 unless all of them returned 0, or the signal's code */
export async function runFleet(context: CommandContext): Promise<number> {
  const fleet = fleetOf(context);
  const things = await readThings(context);
  const printer = new FleetPrinter(context, fleet.target.local !== undefined);
  context.output.flush();
  return withStatus({ command: "run", isWatched: false }, context, async ({ board, signal }) => {
    using end = new EndSignals(signal);
    const shared = new AbortController();
    const ended = AbortSignal.any([end.signal, shared.signal]);
    using children = new Children(ended);
    const running = { printer, children, board, onOthersOnly: () => end.next(), signal: ended };
    const outcomes = new Map<string, Outcome>(things.map((thing) => [thing, { type: "not-run" }]));
    await inParallel(things, context.settings.get("parallel"), async (thing) => {
      if (ended.aborted) return;
      try {
        const outcome = await runOne(thing, fleet, running, context);
        outcomes.set(thing, outcome);
        printer.done(thing, outcome);
      } catch (error) {
        shared.abort(error);
      }
    });
    printer.summarize(outcomes);
    return codeOf(new Tally(outcomes), ended);
  });
}

/** Throws what ended the run before its time. */
function codeOf(tally: Tally, ended: AbortSignal): number {
  // A hang-up is no signal of every command's: nobody else knows its exit code.
  if (ended.aborted && ended.reason instanceof StopSignal) return ended.reason.exitCode;
  ended.throwIfAborted();
  return tally.isGood ? 0 : 1;
}

/** Throws what is no fault of this thing alone. */
async function runOne(
  thing: string,
  { request, command, host, target }: Fleet,
  { printer, children, ...use }: Running,
  context: CommandContext,
): Promise<Outcome> {
  const { settings, output, env } = context;
  const startedAt = performance.now();
  const log = context.log.getChild(thing);
  const tellDocument = (document: object) => printer.document(thing, document);
  let exit: Outcome | undefined;
  try {
    await reachDevice(
      {
        ...use,
        request: { ...request, thing },
        target,
        onEvent: (event) => printer.tell(thing, event),
        onProxyEvent: proxyEventLog(false, { log, output, settings }, tellDocument),
      },
      { ...context, log },
      async (tunnel) => {
        printer.tell(thing, { event: "ready", tunnelId: tunnel.tunnelId });
        const childEnv = { ...(await environmentFor(tunnel, host, env)), TUNNEL_THING: thing };
        const code = await whileCarried(tunnel, use.signal, (signal) =>
          children.run(command, childEnv, printer.takerFor(thing), signal),
        );
        exit = { type: "exit", code, ms: performance.now() - startedAt };
      },
    );
  } catch (error) {
    if (use.signal.aborted && error === use.signal.reason) return exit ?? { type: "not-run" };
    if (isShared(error)) throw error;
    return { type: "failed", error: error as TunnelError, ms: performance.now() - startedAt };
  }
  return exit ?? { type: "not-run" };
}

async function environmentFor(tunnel: TunnelUse, host: string | undefined, env: CommandContext["env"]) {
  return childEnvironment(env, await tunnel.listen({ type: "tcp", host, port: 0 }));
}

/** What the options ask for. Throws UsageError. */
function fleetOf(context: CommandContext): Fleet {
  const { settings, rest = [] } = context;
  const services = settings.get("service");
  if (services.length > 1) {
    const [service = "SSH"] = services;
    throw new UsageError(
      "one --service, please",
      shellLine`tunnel run --thing pump-7 --service ${service} -- CMD…`,
    );
  }
  if (rest.length === 0) {
    throw new UsageError("no command after --: run what?", "tunnel run --thing pump-7 -- CMD…");
  }
  return {
    request: {
      service: services[0] ?? "SSH",
      ...reachingOf(settings),
      clientType: settings.get("clientType"),
    },
    command: rest,
    host: settings.get("bind"),
    target: resolveTarget(context),
  };
}
