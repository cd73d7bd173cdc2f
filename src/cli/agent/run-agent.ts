// What the agent command does.

import { randomBytes } from "node:crypto";
import { addAbortListener } from "node:events";
import { join } from "node:path";
import { runAgent } from "../../agent/agent.ts";
import type { AgentEvent, AgentOptions } from "../../agent/agent-types.ts";
import type { MetricsServer } from "../../agent/metrics.ts";
import { SystemdNotifier } from "../../agent/systemd.ts";
import { partitionOf } from "../../aws/partitions.ts";
import { ConfigError, UsageError } from "../../base/errors.ts";
import { stateHome } from "../../base/home.ts";
import type { AddressMap, DataPlane } from "../../proxy/options.ts";
import { parseServiceMap } from "../../proxy/service-map.ts";
import { openLogFile } from "../print/log-file.ts";
import { carryingOf } from "../proxy/carrying.ts";
import { withStatus } from "../proxy/with-status.ts";
import { dataPlaneOf, resolveTarget, type Target, withoutFips } from "../target/target.ts";
import type { CommandContext } from "../words/command.ts";
import { AgentPrinter } from "./agent-printer.ts";
import { brokerOf } from "./find-broker.ts";

/** In whole seconds; AWS IoT takes 30 s to 20 min. */
const KEEPALIVE_S = 30;

const EXAMPLE = "tunnel agent --thing pump-7 --map SSH=22";

/** Runs the agent until it is stopped. Throws UsageError or ConfigError before anything is dialled. */
export async function runAgentCommand(context: CommandContext): Promise<undefined> {
  const { settings, output } = context;
  const thing = settings.get("thing");
  if (thing === undefined) throw new UsageError("--thing is missing: which thing is this device?", EXAMPLE);
  const serviceMap = serviceMapOf(settings.get("map"));
  if (settings.get("printUnit")) {
    const { printUnit } = await import("./print-unit.ts");
    printUnit(thing, context);
    return undefined;
  }
  const options = await agentOptions(thing, serviceMap, context);
  output.flush();
  const { observe, stop } = await startObservers(context);
  try {
    await withStatus({ command: "agent", isWatched: false }, context, ({ board }) =>
      runAgent({ ...options, board, onEvent: observe }),
    );
  } finally {
    stop();
  }
  return undefined;
}

/** Where each service is reached: one entry with a name for each --map. */
export function serviceMapOf(entries: readonly string[]): AddressMap {
  if (entries.length === 0) {
    throw new UsageError("--map is missing: where is which service reached?", EXAMPLE);
  }
  const map = new Map(entries.flatMap((entry) => [...parseEntry(entry)]));
  if (map.size < entries.length) throw new UsageError("--map names a service twice", EXAMPLE);
  return map;
}

function parseEntry(entry: string): AddressMap {
  let map: AddressMap;
  try {
    map = parseServiceMap(entry, "destination");
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`--map: ${error.message}`, EXAMPLE) : error;
  }
  if (map.size === 1 && !map.has("")) return map;
  throw new UsageError(`--map "${entry}": one service and its address each`, EXAMPLE);
}

async function agentOptions(
  thing: string,
  serviceMap: AddressMap,
  context: CommandContext,
): Promise<Omit<AgentOptions, "onEvent">> {
  const { settings, env, log, signal } = context;
  const target = resolveTarget(context);
  const regions = [regionOf(target, context), ...settings.get("allowRegion")] as const;
  const planes = new Map<string, DataPlane>();
  for (const region of regions) planes.set(region, await dataPlaneOf(target, region, env));
  const { resumeTimeoutMs, ...carrying } = carryingOf(settings);
  return {
    thing,
    serviceMap,
    regions,
    dataPlaneOf: (region) => planes.get(region) as DataPlane,
    broker: await brokerOf(thing, regions[0], target, context),
    mqttKeepaliveS: KEEPALIVE_S,
    clientId: settings.get("clientId") ?? defaultClientId(thing),
    stateDirectory: stateDirectory(thing, context),
    maxTunnels: settings.get("maxTunnels"),
    maxSessionMs: settings.get("maxSession"),
    graceMs: settings.get("grace"),
    resumeTimeoutMs,
    proxy: { bind: settings.get("bind"), ...carrying },
    log,
    signal,
  };
}

/** The region given, else the one in the broker's name (`abc-ats.iot.eu-west-1.amazonaws.com`), else the profile's. */
export function regionOf(
  { region, shared }: Pick<Target, "region"> & Partial<Pick<Target, "shared">>,
  { settings }: Pick<CommandContext, "settings">,
): string {
  const found = region ?? regionInName(settings.get("mqttEndpoint")?.host ?? "") ?? shared?.region();
  if (found !== undefined) return withoutFips(found);
  throw new ConfigError("no region given", {
    hint: "add --region with the thing's region, or set AWS_REGION",
  });
}

function regionInName(host: string): string | undefined {
  const [, region = "", suffix] = /\.iot(?:-fips)?\.([a-z0-9-]+)\.(.+)$/.exec(host) ?? [];
  const partition = partitionOf(region);
  return suffix === partition.suffix || suffix === partition.dualStackSuffix ? region : undefined;
}

/** Longest part of a thing's name that leaves room for the rest in 128 bytes. */
const MAX_NAME_IN_ID = 100;

/**
 * A broker ends the older of two connections with the same client id. Eight random digits at each start keep two
 * agents of one thing, or an agent and the device's own program, from ending each other in turn.
 */
function defaultClientId(thing: string): string {
  return `${thing.slice(0, MAX_NAME_IN_ID)}-tunnel-${randomBytes(4).toString("hex")}`;
}

function stateDirectory(thing: string, { settings, env }: CommandContext): string {
  // systemd separates several with colons; the first is ours.
  const given = settings.get("stateDir") ?? env["STATE_DIRECTORY"]?.split(":")[0];
  return given || join(stateHome(env), "agent", thing);
}

/** Everything that listens to the agent: log and answers, metrics, systemd. */
async function startObservers({ settings, env, output, log, signal }: CommandContext) {
  const auditFile = settings.get("auditFile");
  const onLost = (message: string) => log.warn("{message}", { message });
  const writeAudit = auditFile === undefined ? undefined : openLogFile(auditFile, "audit lines", onLost);
  const printer = new AgentPrinter(output, log, writeAudit);
  const metrics = await startMetrics(settings.get("metrics"));
  if (metrics !== undefined) log.info("metrics on port {port}", { port: metrics.port });
  const systemd = SystemdNotifier.from(env, log);
  const stopping = addAbortListener(signal, () => systemd?.stopping());
  return {
    observe(event: AgentEvent) {
      printer.print(event);
      metrics?.observe(event);
      systemd?.observe(event);
    },
    stop() {
      stopping[Symbol.dispose]();
      metrics?.close();
    },
  };
}

async function startMetrics(
  address: { host: string; port: number } | undefined,
): Promise<MetricsServer | undefined> {
  if (address === undefined) return undefined;
  const { MetricsServer } = await import("../../agent/metrics.ts");
  return MetricsServer.listen(address);
}
