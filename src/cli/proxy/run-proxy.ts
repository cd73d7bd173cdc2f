// What proxy source and proxy destination have in common.

import { HandshakeError, UsageError } from "../../base/errors.ts";
import { isLoopback } from "../../base/host-names.ts";
import { judgeRefusal } from "../../engine/refusal.ts";
import { LocalProxy } from "../../proxy/local-proxy.ts";
import type { AddressMap, ProxyEnd, ProxyEvent, ProxyOptions, Side } from "../../proxy/options.ts";
import { ProcessSession } from "../../proxy/process-session.ts";
import { parseServiceMap } from "../../proxy/service-map.ts";
import { waryEndpointsOf } from "../../proxy/wary-endpoints.ts";
import { localWords, serveLocalCommandFor } from "../config/local.ts";
import type { OptionKey } from "../config/options.ts";
import { type RefusedFacts, withRefusalHint } from "../print/refusal-hint.ts";
import { dataPlaneOf, regionOf, resolveTarget, type Target } from "../target/target.ts";
import { type ChosenToken, chooseToken } from "../tokens/choose-token.ts";
import type { CommandContext } from "../words/command.ts";
import { carryingOf } from "./carrying.ts";
import { EventLog, fateDocument, printListening } from "./event-log.ts";
import { withStatus } from "./with-status.ts";

/** Runs a local proxy until it is stopped or its tunnel ends. */
export async function runProxyCommand(
  mode: Side,
  mapKey: OptionKey & ("listenOn" | "destination"),
  context: CommandContext,
): Promise<undefined> {
  const serviceMap = serviceMapOf(mode, context.settings.get(mapKey));
  checkClientType(serviceMap, context);
  const target = resolveTarget(context);
  context.output.flush();
  const token = await chooseToken(mode, target, context);
  const options = await proxyOptions(mode, serviceMap, target, token, context);
  warnOfNetwork(serviceMap, options, context);
  try {
    const end = await runWithStatus([...serviceMap.keys()], options, token, context);
    if (end === "tunnel-closed") {
      context.log.info("the tunnel is over: it was closed or deleted, or has expired");
      token.forget();
    }
  } catch (error) {
    if (error instanceof HandshakeError) token.refused(judgeRefusal(error));
    throw withRefusalHint(error, refusedFacts(mode, token, target, context));
  }
  return undefined;
}

/** What is listened for beyond this machine anybody there can use, without a token. */
function warnOfNetwork(serviceMap: AddressMap, { mode, bind }: ProxyOptions, { log }: CommandContext): void {
  const hosts = [...serviceMap.values()].flatMap((address) =>
    address.type === "tcp" ? (address.host ?? bind ?? []) : [],
  );
  const open = [...new Set(hosts)].filter((host) => !isLoopback(host));
  if (mode === "source" && open.length > 0) {
    log.warn("the tunnel is open to the network: whoever reaches {hosts} can use it, without a token", {
      hosts: open.join(", "),
    });
  }
}

function refusedFacts(
  mode: Side,
  token: ChosenToken,
  { local, region }: Target,
  { env }: CommandContext,
): RefusedFacts {
  return {
    mode,
    tunnelId: token.tunnelId,
    region: token.region ?? region,
    localWords: localWords(local, env),
    serveLocal: local === undefined ? undefined : serveLocalCommandFor(local.stateDir, env),
  };
}

/** Runs the proxy; what it does can be watched. */
function runWithStatus(
  services: readonly string[],
  options: ProxyOptions,
  { tunnelId }: ChosenToken,
  context: CommandContext,
): Promise<ProxyEnd> {
  const { mode } = options;
  const what = { command: `proxy ${mode}`, isWatched: context.settings.get("watch") };
  return withStatus(what, context, ({ board, signal, isOnScreen }) => {
    const onEvent = (event: ProxyEvent) => {
      board.observe(event);
      if (event.event !== "listening" || !isOnScreen) options.onEvent(event);
    };
    const proxy = new LocalProxy({ ...options, onEvent, signal });
    board.open({ id: tunnelId ?? mode, mode, tunnelId, services }, proxy);
    return proxy.run();
  });
}

function checkClientType(serviceMap: AddressMap, { settings }: CommandContext): void {
  if (settings.get("clientType") !== "V1" || serviceMap.size < 2) return;
  throw new UsageError("a peer of type V1 carries one service", "give one address, or another client type");
}

function serviceMapOf(mode: Side, entries: readonly string[]): AddressMap {
  if (entries.length === 0) {
    const [flag, example] = mode === "source" ? ["-p", "SSH=2222"] : ["-d", "SSH=localhost:22"];
    throw new UsageError(
      `${flag} is missing: which service goes where?`,
      `tunnel proxy ${mode} ${flag} ${example}`,
    );
  }
  return parseServiceMap(entries.join(","), mode);
}

async function proxyOptions(
  mode: Side,
  serviceMap: AddressMap,
  target: Target,
  token: ChosenToken,
  context: CommandContext,
): Promise<ProxyOptions> {
  const { settings, env, log, signal } = context;
  const eventLog = new EventLog(log);
  // Whoever names the data plane by hand need not know the region.
  const region = token.region ?? (target.dataPlane === undefined ? await regionOf(target, env) : "");
  const { resumeTimeoutMs, ...carrying } = carryingOf(settings);
  return {
    mode,
    serviceMap: () => serviceMap,
    dataPlane: await dataPlaneOf(target, region, env),
    accessToken: token.accessToken,
    clientToken: token.clientToken,
    newerTokens: token.newer,
    bind: settings.get("bind"),
    clientType: settings.get("clientType"),
    ...carrying,
    continuity: ProcessSession.of(resumeTimeoutMs),
    waryEndpoints: waryEndpointsOf(env),
    log,
    onEvent: (event) => onEvent(event, token, context, eventLog),
    signal,
  };
}

function onEvent(
  event: ProxyEvent,
  token: ChosenToken,
  { output }: CommandContext,
  eventLog: EventLog,
): void {
  if (event.event === "connected" && token.clientToken === undefined) {
    // Spent by this very connection.
    token.forget();
  }
  eventLog.write(event);
  if (event.event === "listening") printListening(event, output);
  const document = output.json ? fateDocument(event) : undefined;
  if (document !== undefined) output.document(document);
}
