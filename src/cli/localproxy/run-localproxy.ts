// The reference proxy's command line on our proxy: what scripts written for it start.

import { existsSync } from "node:fs";
import { delimiter } from "node:path";
import process from "node:process";
import type { Env } from "../../base/env.ts";
import { TunnelError } from "../../base/errors.ts";
import { escapeControl } from "../../base/escape.ts";
import { configureLogSink, getLogger } from "../../base/log.ts";
import { AccessToken, ClientToken } from "../../base/secret.ts";
import { loadRoots } from "../../net/roots.ts";
import { webProxyFor } from "../../net/web-proxy.ts";
import { clientTokenFor } from "../../operator/user-tokens.ts";
import { LocalProxy } from "../../proxy/local-proxy.ts";
import type { ProxyOptions, ServiceMap } from "../../proxy/options.ts";
import { exitCodeOf } from "../print/exit-codes.ts";
import type { Host } from "../process/host.ts";
import { VERSION } from "../version.ts";
import { EventLines } from "./event-lines.ts";
import { BAD_CONFIGURATION, BAD_VALUE, ReferenceFatal } from "./fatal.ts";
import { ReferenceLines } from "./lines.ts";
import { makePlan, type Plan, readVerbosity } from "./plan.ts";
import { type PortMap, scanConfigFiles, toServiceMap } from "./port-map.ts";
import { referenceHelp } from "./reference-options.ts";
import { exportDefaultSettings } from "./settings.ts";
import { parseReferenceWords, type ReferenceFlags, ReferenceUsageError } from "./words.ts";

/** The reference's release whose behaviour this follows; ours comes after it, where the reference has its commit. */
const BANNER = `Running AWS IoT Secure Tunneling Local Proxy version: v3.3.1+tunnel.${VERSION}\n`;
/** Default port of a web proxy there. */
const WEB_PROXY_PORT = "3128";
const STALL_TIMEOUT_MS = 10_000;
const LINGER_MS = 1_000;

/** Runs the words after `localproxy` and returns the exit code; failures are written as the reference writes them. */
export async function runLocalproxy(words: readonly string[], host: Host): Promise<number> {
  host.stdout.write(BANNER);
  const lines = new ReferenceLines((line) => void host.stderr.write(line), process.pid);
  try {
    const flags = parseReferenceWords(words);
    return answerAtOnce(flags, host) ?? (await carry(flags, host, lines));
  } catch (error) {
    if (error instanceof ReferenceUsageError) {
      host.stderr.write(
        `${escapeControl(error.message, 1_000)}\nTry 'localproxy --help' for a list of options.\n`,
      );
      return BAD_VALUE;
    }
    if (error instanceof ReferenceFatal) {
      lines.log("fatal", error.message);
      return error.exitCode;
    }
    if (!(error instanceof TunnelError)) throw error;
    lines.log("fatal", error.hint === undefined ? error.message : `${error.message} (${error.hint})`);
    return exitCodeOf(error);
  }
}

function answerAtOnce(flags: ReferenceFlags, { stderr }: Host): number | undefined {
  if (flags.has("version")) return 0;
  if (flags.has("help")) {
    stderr.write(referenceHelp());
    return 0;
  }
  const settingsPath = flags.get("export-default-settings");
  if (settingsPath === undefined) return undefined;
  exportDefaultSettings(settingsPath);
  return 0;
}

async function carry(flags: ReferenceFlags, host: Host, lines: ReferenceLines): Promise<number> {
  lines.level = readVerbosity(flags);
  const plan = makePlan(flags, host.env, lines);
  const options = proxyOptions(plan, host, lines);
  const told = new EventLines(lines, plan.mode, plan.endpoint);
  told.takesFreePorts = plan.mode === "source" && plan.portMap.size === 0;
  told.start();
  try {
    const end = await new LocalProxy({ ...options, onEvent: (event) => told.event(event) }).run();
    if (end === "tunnel-closed") told.tunnelClosed();
    return 0;
  } catch (error) {
    if (!(error instanceof TunnelError)) throw error;
    if (error.cause instanceof ReferenceFatal) throw error.cause;
    told.failure(error);
    return exitCodeOf(error);
  } finally {
    told.stop();
  }
}

function proxyOptions(
  plan: Plan,
  { env, signal }: Host,
  lines: ReferenceLines,
): Omit<ProxyOptions, "onEvent"> {
  const { mode, settings, endpoint, isUnverified } = plan;
  if (isUnverified) warnUnverified(lines);
  const accessToken = new AccessToken(plan.accessToken);
  return {
    mode,
    accessToken,
    clientToken:
      plan.clientToken === undefined
        ? clientTokenFor(accessToken, env, (message) => lines.log("warning", message))
        : new ClientToken(plan.clientToken),
    dataPlane: {
      ...endpoint,
      ca: rootsOf(plan, env),
      webProxy: webProxyOf(endpoint, env, lines),
      isUnverified,
    },
    serviceMap: mapChooser(plan, lines),
    bind: plan.bind,
    clientType: plan.clientType,
    stallTimeoutMs: STALL_TIMEOUT_MS,
    lingerMs: LINGER_MS,
    keepaliveMs: settings.pingPeriodMs,
    giveUpAfterMs: settings.giveUpAfterMs,
    log: startLog(lines),
    signal,
  };
}

function rootsOf({ capath }: Plan, env: Env): string[] {
  const paths = [capath ?? "", env["SSL_CERT_FILE"] ?? "", ...(env["SSL_CERT_DIR"] ?? "").split(delimiter)];
  return loadRoots(paths.filter((path) => path !== ""));
}

function webProxyOf({ host, port }: Plan["endpoint"], env: Env, lines: ReferenceLines): URL | undefined {
  const url = webProxyFor(host, port, env);
  if (url === undefined) return undefined;
  const written = env["https_proxy"] || env["HTTPS_PROXY"] || "";
  if (!/:\d+\/?$/.test(written)) {
    url.port = WEB_PROXY_PORT;
    lines.log("warning", `No port was was provided for the web proxy, using default: ${WEB_PROXY_PORT}`);
  }
  lines.log(
    "info",
    "Found Web proxy information in the environment variables, will use it to connect via the proxy.",
  );
  return url;
}

/**
 * Services of the tunnel → where each goes. The directory `config` below the working directory, which the reference
 * reads unasked, is not: whoever made that directory could lead a device's connections elsewhere.
 */
function mapChooser(
  { mode, portMap, configFiles }: Plan,
  lines: ReferenceLines,
): (services: readonly string[]) => ServiceMap {
  if (portMap.size > 0) return (services) => fixedMap(portMap, services, mode, lines);
  if (configFiles.length === 0 && existsSync("config")) {
    lines.log("warning", "The directory ./config is not read unless it is named: --config-dir ./config");
  }
  if (configFiles.length === 0 && mode === "destination") {
    throw new ReferenceFatal(
      "No port mapping exists. Fail to start local proxy in destination mode.",
      BAD_CONFIGURATION,
    );
  }
  let known: PortMap | undefined;
  return (services) => {
    try {
      known ??= freeMap(configFiles, services, mode, lines);
      return toServiceMap(known, mode);
    } catch (error) {
      throw error instanceof ReferenceFatal ? asTunnelError(error.message) : error;
    }
  };
}

function fixedMap(portMap: PortMap, services: readonly string[], mode: Plan["mode"], lines: ReferenceLines) {
  const [service] = services;
  const unnamed = portMap.get("");
  if (unnamed !== undefined && service !== undefined && services.length === 1) {
    lines.log("info", "Updated port mapping for v1 format: ");
    lines.log("info", `${service} = ${unnamed}`);
  }
  return toServiceMap(portMap, mode);
}

/** From the files; a source takes a free port for each service that is in none. */
function freeMap(
  files: readonly string[],
  services: readonly string[],
  mode: Plan["mode"],
  lines: ReferenceLines,
): PortMap {
  const found = files.length === 0 ? new Map<string, string>() : scanConfigFiles(files, services, lines);
  const missing = services.filter((service) => !found.has(service));
  if (missing.length > 0 && mode === "destination") {
    throw new ReferenceFatal(
      "Not enough the service ids are found in the configuration files. Fail to start.",
      BAD_CONFIGURATION,
    );
  }
  const map = new Map([...found, ...missing.map((service) => [service, "0"] as const)]);
  lines.log("info", "Use port mapping:");
  lines.log("info", "---------------------------------");
  for (const [service, endpoint] of map) lines.log("info", `${service} = ${endpoint}`);
  lines.log("info", "---------------------------------");
  return map;
}

/** Thrown inside the proxy, which hands on errors of its own kind only; the cause is what is told. */
function asTunnelError(message: string): TunnelError {
  return new TunnelError("ERR_CONFIG", message, { cause: new ReferenceFatal(message, BAD_CONFIGURATION) });
}

function warnUnverified(lines: ReferenceLines): void {
  const stars = "*".repeat(70);
  const rows = [
    "SECURITY WARNING: SSL host verification is DISABLED (-k flag)",
    "Whoever is on the way to the service can take the access token.",
    "Name the certificate authority instead: -c DIRECTORY",
  ];
  for (const row of [stars, ...rows.map((text) => `* ${text.padEnd(66)} *`), stars]) {
    lines.log("warning", row);
  }
}

/** The proxy's own remarks, from -v 5 on. */
function startLog(lines: ReferenceLines) {
  if (lines.level >= 5) {
    configureLogSink(lines.level === 5 ? "debug" : "trace", (level, message) =>
      lines.log(level === "warn" ? "warning" : level, message),
    );
  }
  return getLogger("localproxy");
}
