// What the connect command does.

import type { Writable } from "node:stream";
import type { ControlPlane } from "../../aws/control-plane.ts";
import { UsageError } from "../../base/errors.ts";
import { shellLine } from "../../base/shell.ts";
import type { SocketAddress } from "../../net/tcp.ts";
import type { ProxyEvent } from "../../proxy/options.ts";
import { parseServiceMap } from "../../proxy/service-map.ts";
import { EndSignals, releaseStandardStreams } from "../process/end-signals.ts";
import { StopSignal } from "../process/stop-signal.ts";
import { EventLog, printListening } from "../proxy/event-log.ts";
import { type Watched, withStatus } from "../proxy/with-status.ts";
import { resolveTarget, type Target } from "../target/target.ts";
import type { CommandContext } from "../words/command.ts";
import { reachTunnel } from "./reach-tunnel.ts";
import { Reporter } from "./reporter.ts";
import type { ConnectRequest, Listening, TunnelUse } from "./request.ts";
import { ReaderGone, StdioPeer } from "./stdio-peer.ts";

const EXAMPLE = "tunnel connect --thing pump-7 --service SSH";
/** How long before its end people are warned of it. */
const WARN_BEFORE_MS = 10 * 60_000;

/** Joins, reuses or opens a tunnel, and listens, runs a command or carries standard input and output through it. */
export async function runConnect(context: CommandContext): Promise<number | undefined> {
  const request = requestOf(context);
  const address = addressOf(request.service, context);
  const target = resolveTarget(context);
  const isWatched = context.settings.get("watch");
  if (isWatched) context.output.flush(); // before the screen is drawn
  const what = { command: "connect", isWatched };
  return withStatus(what, context, (watched) => connect({ request, address, target }, context, watched));
}

async function connect(
  wanted: { readonly request: ConnectRequest; readonly address: SocketAddress; readonly target: Target },
  context: CommandContext,
  { board, signal, isOnScreen }: Watched,
): Promise<number | undefined> {
  const { request, address, target } = wanted;
  const isStdoutOurs = context.rest === undefined && !context.settings.get("stdio");
  const documents = isStdoutOurs ? context.stdout : context.stderr;
  // Log lines are shown on the screen.
  const screen = isOnScreen ? (text: string) => context.log.info("{text}", { text }) : undefined;
  const { thing } = request;
  const isStdio = context.settings.get("stdio");
  const reporter = new Reporter(
    { thing, isLocal: target.local !== undefined, isStdio },
    context,
    documents,
    screen,
  );
  using end = new EndSignals(signal);
  using peer = isStdio ? new StdioPeer(context.stdin()) : undefined;
  const ended = peer === undefined ? end.signal : AbortSignal.any([end.signal, peer.gone]);
  ended.addEventListener("abort", () => peer?.hush(), { once: true });
  let controlPlane: Promise<ControlPlane> | undefined;
  const makeControlPlane = async () => {
    const { connect: connectControlPlane } = await import("../target/connect-control-plane.ts");
    // Not ended by Ctrl-C: what was opened has to be closed afterwards.
    return connectControlPlane(target, { ...context, signal: new AbortController().signal });
  };
  try {
    const tunnel = await reachTunnel({
      request,
      target,
      context,
      onEvent: (event) => reporter.tell(event),
      onProxyEvent: proxyEventLog(isStdoutOurs, context),
      onOthersOnly: () => {
        if (isStdio) releaseStandardStreams();
        return end.next();
      },
      board,
      controlPlane: () => (controlPlane ??= makeControlPlane()),
      signal: ended,
    });
    reporter.tell({ event: "ready", tunnelId: tunnel.tunnelId });
    context.output.flush();
    const warning = warnBeforeEnd(tunnel, reporter);
    try {
      return await work(tunnel, address, request.service, { context, peer, screen, signal: ended });
    } finally {
      clearTimeout(warning);
      await tunnel.leave();
    }
  } catch (error) {
    // A hang-up is no signal of every command's: nobody else knows its exit code.
    if (error instanceof StopSignal) return error.exitCode;
    if (error instanceof ReaderGone) return undefined;
    // The person quit the screen.
    if (isOnScreen && signal.aborted && !context.signal.aborted) return 0;
    throw error;
  } finally {
    reporter.quiet();
    (await controlPlane)?.close();
  }
}

function requestOf({ settings, rest }: CommandContext): ConnectRequest {
  const thing = settings.get("thing");
  const [service, ...others] = settings.get("service");
  if (thing === undefined) throw new UsageError("--thing is missing: connect to which device?", EXAMPLE);
  if (service === undefined || others.length > 0) {
    throw new UsageError(
      `one --service, please: which service of "${thing}"?`,
      shellLine`tunnel connect --thing ${thing} --service ${service ?? "SSH"}`,
    );
  }
  if (rest?.length === 0) throw new UsageError("no command after --", `${EXAMPLE} -- CMD…`);
  if (settings.get("stdio") && (rest !== undefined || settings.get("listenOn").length > 0)) {
    throw new UsageError("--stdio goes without -p and without a command", `${EXAMPLE} --stdio`);
  }
  if (settings.get("watch") && (settings.get("stdio") || rest !== undefined)) {
    throw new UsageError("--watch goes without a command and without --stdio", `${EXAMPLE} --watch`);
  }
  return {
    thing,
    service,
    lifetimeMinutes: settings.get("lifetime"),
    waitMs: settings.get("wait"),
    keep: settings.get("keep"),
    takeOver: settings.get("takeOver"),
    clientType: settings.get("clientType"),
    stallTimeoutMs: settings.get("stallTimeout"),
    lingerMs: settings.get("linger"),
    keepaliveMs: settings.get("keepalive"),
  };
}

/** Where to listen: what -p says, else a free port. */
function addressOf(service: string, { settings, rest }: CommandContext): SocketAddress {
  const texts = settings.get("listenOn");
  const map = parseServiceMap(texts.length === 0 ? "0" : texts.join(","), "source");
  const address = map.get(service) ?? map.get("");
  if (address === undefined || map.size > 1) {
    throw new UsageError(`-p ${texts.join(",")}: one address, for ${service}`, `${EXAMPLE} -p 2222`);
  }
  if (rest !== undefined && address.type === "unix") {
    throw new UsageError("a command gets a port, not a Unix socket", `${EXAMPLE} -p 2222 -- CMD…`);
  }
  return address.type === "tcp" ? { ...address, host: address.host ?? settings.get("bind") } : address;
}

interface Surroundings {
  readonly context: CommandContext;
  /** Under --stdio. */
  readonly peer: StdioPeer | undefined;
  /** Takes what is said while a screen is drawn. */
  readonly screen: ((text: string) => void) | undefined;
  readonly signal: AbortSignal;
}

async function work(
  tunnel: TunnelUse,
  address: SocketAddress,
  service: string,
  { context, peer, screen, signal }: Surroundings,
): Promise<number | undefined> {
  const { rest, output, stdout } = context;
  signal.throwIfAborted();
  if (peer !== undefined) {
    const { carryStdio } = await import("./carry-stdio.ts");
    const carried = carryStdio(tunnel.dial(), peer.input, stdout as Writable, signal);
    await Promise.race([carried, failureOf(tunnel)]);
    peer.hush();
    return undefined;
  }
  const listening = await tunnel.listen(address);
  if (rest !== undefined) return runInside(tunnel, listening, rest, context, signal);
  const port = listening.port === undefined ? {} : { port: listening.port };
  if (screen !== undefined) {
    screen(
      `${service} listening on ${listening.address}${listening.port === undefined ? "" : `:${listening.port}`}`,
    );
  } else printListening({ event: "listening", service, address: listening.address, ...port }, output);
  const { orAborted } = await import("./own-tunnel.ts");
  await orAborted(tunnel.over, signal);
  return undefined;
}

/** Never, unless the tunnel fails. One that was closed has ended the stream too. */
async function failureOf({ over }: TunnelUse): Promise<void> {
  await over;
  await new Promise(() => {});
}

/** A tunnel that fails takes the command with it; one that was closed leaves the rest to the command. */
async function runInside(
  tunnel: TunnelUse,
  { address, port }: Listening,
  command: readonly string[],
  { env }: CommandContext,
  signal: AbortSignal,
): Promise<number> {
  const { runChild } = await import("../process/child.ts");
  const failed = new AbortController();
  tunnel.over.catch((error) => failed.abort(error));
  const code = await runChild(
    command,
    childEnvironment(env, address, port),
    AbortSignal.any([signal, failed.signal]),
  );
  failed.signal.throwIfAborted();
  return code;
}

/** Without what leads a command to a tunnel of its own. */
function childEnvironment(env: CommandContext["env"], address: string, port: number | undefined) {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith("AWSIOT_TUNNEL_"));
  const host = /^(0\.0\.0\.0|::)$/.test(address) ? "127.0.0.1" : address;
  return { ...Object.fromEntries(kept), TUNNEL_HOST: host, TUNNEL_PORT: String(port) };
}

/** Around a command, or inside of ssh, every connection would be a line on somebody else's terminal. */
function proxyEventLog(
  isStdoutOurs: boolean,
  { log, settings }: CommandContext,
): (event: ProxyEvent) => void {
  const events = new EventLog(log);
  return (event) => {
    const isTrouble = event.event === "disconnected" || event.event === "warning";
    if (isStdoutOurs || isTrouble || settings.origin("logLevel").type !== "default") events.write(event);
  };
}

function warnBeforeEnd({ tunnelId, expiresAt }: TunnelUse, reporter: Reporter): NodeJS.Timeout {
  const inMs = expiresAt.getTime() - Date.now() - WARN_BEFORE_MS;
  const warn = () => reporter.tell({ event: "ending-soon", tunnelId, expiresAt });
  return setTimeout(warn, Math.max(0, inMs)).unref();
}
