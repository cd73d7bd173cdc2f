// What the connect command does.

import type { SocketAddress } from "../../net/tcp.ts";
import type { ConnectRequest, TunnelUse } from "../../operator/request.ts";
import { exitCodeOf } from "../print/exit-codes.ts";
import { reportError } from "../print/report.ts";
import { EndSignals, releaseStandardStreams } from "../process/end-signals.ts";
import { StopSignal } from "../process/stop-signal.ts";
import { proxyEventLog } from "../proxy/event-log.ts";
import { type Watched, withStatus } from "../proxy/with-status.ts";
import { resolveTarget, type Target } from "../target/target.ts";
import type { CommandContext } from "../words/command.ts";
import { addressOf, requestOf } from "./connect-request.ts";
import { reachDevice } from "./reach-device.ts";
import { Reporter } from "./reporter.ts";
import { ReaderGone, StdioPeer } from "./stdio-peer.ts";
import { workWith } from "./work.ts";

/** How long before its end people are warned of it. */
const WARN_BEFORE_MS = 10 * 60_000;

interface Wanted {
  readonly request: ConnectRequest;
  readonly address: SocketAddress;
  readonly target: Target;
}

/** Joins, reuses or opens a tunnel, and listens, runs a command or carries standard input and output through it. */
export async function runConnect(context: CommandContext): Promise<number | undefined> {
  const request = requestOf(context);
  const wanted = { request, address: addressOf(request.service, context), target: resolveTarget(context) };
  const isWatched = context.settings.get("watch");
  if (isWatched) context.output.flush(); // before the screen is drawn
  return withStatus({ command: "connect", isWatched }, context, async (watched) => {
    try {
      return await connect(wanted, context, watched);
    } catch (error) {
      // A hang-up is no signal of every command's: nobody else knows its exit code.
      if (error instanceof StopSignal) return error.exitCode;
      if (error instanceof ReaderGone) return undefined;
      // The person quit the screen.
      if (watched.isOnScreen && watched.signal.aborted && !context.signal.aborted) return 0;
      throw error;
    }
  });
}

async function connect(
  { request, address, target }: Wanted,
  context: CommandContext,
  { board, signal, isOnScreen }: Watched,
): Promise<number | undefined> {
  const { settings, log, output } = context;
  const isStdio = settings.get("stdio");
  const isStdoutOurs = context.rest === undefined && !isStdio;
  // Log lines are shown on the screen.
  const screen = isOnScreen ? (text: string) => log.info("{text}", { text }) : undefined;
  using reporter = new Reporter(
    { thing: request.thing, isLocal: target.local !== undefined, isStdio },
    context,
    isStdoutOurs ? context.stdout : context.stderr,
    screen,
  );
  using end = new EndSignals(signal);
  using peer = isStdio ? new StdioPeer(context.stdin()) : undefined;
  const ended = peer === undefined ? end.signal : AbortSignal.any([end.signal, peer.gone]);
  ended.addEventListener("abort", () => peer?.hush(), { once: true });
  return await reachDevice(
    {
      request,
      target,
      onEvent: (event) => reporter.tell(event),
      onProxyEvent: proxyEventLog(isStdoutOurs, context, (document) => reporter.document(document)),
      onOthersOnly: () => {
        if (isStdio) releaseStandardStreams();
        return end.next();
      },
      board,
      signal: ended,
    },
    context,
    async (tunnel) => {
      reporter.tell({ event: "ready", tunnelId: tunnel.tunnelId });
      context.output.flush();
      using _ = warnBeforeEnd(tunnel, reporter);
      const work = { service: request.service, address, peer, screen, signal: ended };
      try {
        return await workWith(tunnel, work, context);
      } catch (error) {
        if (!isStdio || ended.aborted) throw error;
        // Said now: while others use the tunnel still, our standard streams are let go of.
        context.stderr.write(reportError(error, { json: output.json, local: target.local !== undefined }));
        return exitCodeOf(error);
      }
    },
  );
}

function warnBeforeEnd({ tunnelId, expiresAt }: TunnelUse, reporter: Reporter): Disposable {
  const inMs = expiresAt.getTime() - Date.now() - WARN_BEFORE_MS;
  const warn = () => reporter.tell({ event: "ending-soon", tunnelId, expiresAt });
  const timer = setTimeout(warn, Math.max(0, inMs)).unref();
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
