// What the ping command does.

import { setTimeout as sleep } from "node:timers/promises";
import { untilAborted } from "../../base/abort.ts";
import { UnreachableError, UsageError } from "../../base/errors.ts";
import type { Pong } from "../../engine/output.ts";
import type { ConnectRequest, TunnelUse } from "../../operator/request.ts";
import { deviceOf, reachingOf } from "../connect/device-request.ts";
import { agentLine, reachDevice } from "../connect/reach-device.ts";
import { Reporter } from "../connect/reporter.ts";
import { EXIT_CODES } from "../print/exit-codes.ts";
import { EndSignals } from "../process/end-signals.ts";
import { StopSignal } from "../process/stop-signal.ts";
import { proxyEventLog } from "../proxy/event-log.ts";
import { withStatus } from "../proxy/with-status.ts";
import { resolveTarget } from "../target/target.ts";
import type { CommandContext } from "../words/command.ts";
import { msWords, RoundTrips, roundedMs } from "./round-trips.ts";

/** From one ping to the next at least, so that they do not become a load themselves. */
const PERIOD_MS = 200;
/** Streams that are found to be over just then, or a device that connects again: so often the first one is tried. */
const MEETINGS = 3;

const EXAMPLE = "tunnel ping --thing pump-7 --service SSH";

interface Run {
  readonly request: ConnectRequest;
  /** What to type at a device that does not answer. */
  readonly agentLine: string;
  readonly isLoaded: boolean;
  readonly count: number;
  readonly signal: AbortSignal;
}

/** Measures, and prints a line each and a summary. @returns 69 when no answer came, the signal's code when that was why */
export async function runPing(context: CommandContext): Promise<number | undefined> {
  const { settings, output } = context;
  const request = requestOf(context);
  const target = resolveTarget(context);
  output.flush();
  const trips = new RoundTrips();
  return withStatus({ command: "ping", isWatched: false }, context, async ({ board, signal }) => {
    using end = new EndSignals(signal);
    const facts = { thing: request.thing, isLocal: target.local !== undefined, isStdio: false };
    using reporter = new Reporter(facts, context, context.stdout, undefined);
    const run = {
      request,
      agentLine: agentLine(request, target, context),
      isLoaded: settings.get("underLoad"),
      count: settings.get("count"),
      signal: end.signal,
    };
    const use = {
      request,
      target,
      onEvent: reporter.tell.bind(reporter),
      onProxyEvent: proxyEventLog(true, context, (document) => reporter.document(document)),
      onOthersOnly: () => end.next(),
      board,
      signal: end.signal,
    };
    try {
      return await reachDevice(use, context, async (tunnel) => {
        reporter.tell({ event: "ready", tunnelId: tunnel.tunnelId });
        return measure(tunnel, trips, run, context);
      });
    } catch (error) {
      if (!(error instanceof StopSignal)) throw error;
      return trips.back > 0 ? undefined : error.exitCode;
    }
  });
}

/** Whatever ends it, the summary of what was measured is printed. */
async function measure(
  tunnel: TunnelUse,
  trips: RoundTrips,
  run: Run,
  { output }: CommandContext,
): Promise<number | undefined> {
  const { request, isLoaded, count, signal } = run;
  await meet(tunnel, run);
  if (!output.json) output.line(`ping ${request.service} of ${request.thing}, tunnel ${tunnel.tunnelId}`);
  const startedAt = performance.now();
  let loadedBytes = 0;
  try {
    for (let number = 1; number <= count; number += 1) {
      const next = performance.now() + PERIOD_MS;
      const pong = await untilAborted(signal, tunnel.ping(isLoaded));
      loadedBytes += pong.loadedBytes;
      trips.add(typeof pong.outcome === "number" ? pong.outcome : undefined);
      tell(number, pong, output);
      if (number < count) await untilAborted(signal, sleep(Math.max(0, next - performance.now())));
    }
  } finally {
    const bytesPerS = isLoaded ? (loadedBytes / (performance.now() - startedAt)) * 1_000 : undefined;
    summarize(trips, bytesPerS, output);
  }
  return trips.back > 0 ? undefined : EXIT_CODES.ERR_UNREACHABLE;
}

/** Both ends say HELLO before anything is measured, and the load is under way. Throws UnreachableError. */
async function meet(tunnel: TunnelUse, run: Run): Promise<void> {
  const { isLoaded, signal } = run;
  for (let attempt = 1; attempt <= MEETINGS; attempt += 1) {
    const { outcome } = await untilAborted(signal, tunnel.ping(isLoaded));
    if (outcome === "foreign") throw foreign(run);
    await untilAborted(signal, sleep(PERIOD_MS));
    if (typeof outcome === "number") return;
  }
}

function foreign({ request, agentLine: line }: Run): UnreachableError {
  return new UnreachableError(
    `nobody answers at ${request.thing}: the round trip takes tunnel at both ends, each with continuity`,
    {
      hint: `run ${line} there, and nowhere --continuity off; another client at the device carries, but does not answer`,
    },
  );
}

function tell(number: number, { outcome }: Pong, output: CommandContext["output"]): void {
  const isBack = typeof outcome === "number";
  if (output.json) {
    output.document({ event: "ping", number, ...(isBack ? { ms: roundedMs(outcome) } : { lost: outcome }) });
  } else output.line(`${number}: ${isBack ? msWords(outcome) : LOST[outcome]}`);
}

const LOST = {
  silent: "no answer in 5 s",
  away: "the link, or the other end, is away",
  foreign: "the other end does not answer any more",
} as const;

function summarize(trips: RoundTrips, bytesPerS: number | undefined, output: CommandContext["output"]): void {
  if (output.json) {
    const load = bytesPerS === undefined ? {} : { loadBytesPerS: Math.round(bytesPerS) };
    output.document({ event: "summary", ...trips.document, ...load });
  } else {
    const load = bytesPerS === undefined ? "" : `, beside ${(bytesPerS / 1e6).toFixed(2)} MB/s`;
    output.line(`${trips.words}${load}`);
  }
}

/** What the options ask for. Throws UsageError. */
function requestOf({ settings }: CommandContext): ConnectRequest {
  const device = deviceOf(settings, "tunnel ping", "ping which device?");
  if (settings.get("continuity") === "off" && settings.origin("continuity").type === "flag") {
    throw new UsageError("a ping is answered by continuity: leave out --continuity off", EXAMPLE);
  }
  return {
    ...device,
    ...reachingOf(settings),
    clientType: undefined,
    // Without it there is nobody to ask, whatever a file or a variable says for all commands.
    resumeTimeoutMs: settings.get("resumeTimeout"),
  };
}
