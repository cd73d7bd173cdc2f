// A systemd unit for the agent with the options it was given.

import { resolve } from "node:path";
import process from "node:process";
import { UsageError } from "../base/errors.ts";
import type { CommandContext } from "./command.ts";
import type { OptionKey } from "./config/options.ts";

/** Restarts of a fleet that failed together are spread over this much: each device's unit has a number of its own. */
const RESTART_SPREAD_S = 20;
const RESTART_FLOOR_S = 5;
/** What stopping takes besides the grace period. */
const STOP_EXTRA_S = 10;

/** Prints the unit on stdout. Throws UsageError when what was asked for cannot run as a service. */
export function printUnit(thing: string, { settings, output }: CommandContext): void {
  if (settings.get("local") !== undefined) {
    throw new UsageError("--print-unit is for devices; --local is for this machine's own serve-local");
  }
  const graceS = Math.ceil(settings.get("grace") / 1_000);
  const restartS = RESTART_FLOOR_S + Math.floor(Math.random() * RESTART_SPREAD_S);
  const credentials = (["cert", "key", "ca"] as const).flatMap((key) => {
    const path = settings.fromFlag(key);
    return path === undefined ? [] : [{ key, path: resolve(path) }];
  });
  output.script(
    unitText({
      thing,
      words: [
        ...unitWords(settings),
        ...credentials.flatMap(({ key }) => [`--${key}`, `\${CREDENTIALS_DIRECTORY}/${key}`]),
      ],
      credentials,
      graceS,
      restartS,
    }),
  );
}

/** Options that go into the unit as they are, with the text to write for their value. */
const CARRIED: readonly OptionKey[] = [
  "region",
  "proxyEndpoint",
  "mqttEndpoint",
  "mqttTransport",
  "clientId",
  "maxTunnels",
  "maxSession",
  "grace",
  "metrics",
  "bind",
  "stallTimeout",
  "linger",
  "keepalive",
];

const IN_MILLISECONDS: ReadonlySet<OptionKey> = new Set([
  "maxSession",
  "grace",
  "stallTimeout",
  "linger",
  "keepalive",
]);

function unitWords(settings: CommandContext["settings"]): string[] {
  const words = ["--thing", settings.get("thing") ?? ""];
  for (const entry of settings.get("map")) words.push("--map", entry);
  for (const region of settings.get("allowRegion")) words.push("--allow-region", region);
  for (const key of CARRIED) {
    const { type } = settings.origin(key);
    if (type !== "default") words.push(`--${FLAGS[key] ?? key}`, textOf(key, settings.get(key)));
  }
  return words;
}

const FLAGS: Partial<Record<OptionKey, string>> = {
  proxyEndpoint: "proxy-endpoint",
  mqttEndpoint: "mqtt-endpoint",
  mqttTransport: "mqtt-transport",
  clientId: "client-id",
  maxTunnels: "max-tunnels",
  maxSession: "max-session",
  stallTimeout: "stall-timeout",
};

function textOf(key: OptionKey, value: unknown): string {
  if (IN_MILLISECONDS.has(key)) return `${value}ms`;
  if (typeof value !== "object" || value === null || !("host" in value)) return String(value);
  const { host, port } = value as { host: string; port?: number };
  const name = host.includes(":") ? `[${host}]` : host;
  return port === undefined ? name : `${name}:${port}`;
}

interface UnitFacts {
  readonly thing: string;
  readonly words: readonly string[];
  readonly credentials: readonly { readonly key: string; readonly path: string }[];
  readonly graceS: number;
  readonly restartS: number;
}

/** The text of the unit; pure, for its test. */
export function unitText({ thing, words, credentials, graceS, restartS }: UnitFacts): string {
  const command = [programPath(), "agent", ...words].map(quoteForUnit).join(" ");
  const loads = credentials.map(({ key, path }) => `LoadCredential=${key}:${escapeUnit(path)}\n`).join("");
  return `# /etc/systemd/system/tunnel-agent.service
# systemctl daemon-reload && systemctl enable --now tunnel-agent

[Unit]
Description=AWS IoT secure tunnels of thing ${escapeUnit(thing)}
Documentation=https://docs.aws.amazon.com/iot/latest/developerguide/secure-tunneling.html
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
# Messages to systemd are sent by systemd-notify, a child of the agent.
NotifyAccess=all
ExecStart=${command}
Restart=always
# Another number on each device, so that a fleet does not come back in step.
RestartSec=${restartS}
# Wrong options and unreadable files do not heal by themselves.
RestartPreventExitStatus=64 78
TimeoutStartSec=120
TimeoutStopSec=${graceS + STOP_EXTRA_S}
WatchdogSec=120
KillMode=mixed

DynamicUser=yes
StateDirectory=tunnel-agent
StateDirectoryMode=0700
UMask=0077
# Copies that only this service can read; after a change: systemctl restart tunnel-agent
${loads}
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# MemoryDenyWriteExecute= is left out: the program compiles its code while it runs.

[Install]
WantedBy=multi-user.target`;
}

/** This program's own file; run from its sources it has none. */
function programPath(): string {
  return /(^|\/)(bun|deno|node)$/.test(process.execPath) ? "/usr/local/bin/tunnel" : process.execPath;
}

/** A word of a command line in a unit: percent and dollar signs are doubled, but for the one variable of ours. */
function quoteForUnit(word: string): string {
  const escaped = escapeUnit(word).replaceAll(/\$(?!\{CREDENTIALS_DIRECTORY\})/g, "$$$$");
  return /^[\w@%+=:,./${}[\]-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function escapeUnit(text: string): string {
  return text.replaceAll("%", "%%").replaceAll(/[\n\r]/g, " ");
}
