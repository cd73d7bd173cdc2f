// How a systemd unit for the agent is written; what goes in is decided by print-unit.ts and the Debian package.

import { ownProgram } from "../process/own-program.ts";

/** Everything that differs between units. */
export interface UnitFacts {
  /** Absent for a unit of any device, which is told by its environment. */
  readonly thing?: string;
  /** The agent's own words. */
  readonly words: readonly string[];
  /** Files that systemd copies for the service alone, by the name of the copy. */
  readonly credentials: readonly { readonly name: string; readonly path: string }[];
  /** Variables of its environment, `%d` being the directory of those copies. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directories?: UnitDirectories;
  readonly graceS: number;
  readonly restartS: number;
  readonly packaged?: PackagedUnit;
}

/** What is other in a unit that a package brings: the same for all devices, with a user that the package makes. */
export interface PackagedUnit {
  readonly program: string;
  readonly user: string;
  /** File of assignments. Words may name its variables, as `${NAME}`; without a value for `needs` nothing is started. */
  readonly environmentFile: string;
  readonly needs: string;
  /** First lines of the unit, as comments. */
  readonly comments: readonly string[];
}

/** Where the service may write and what it may see, all absolute. */
export interface UnitDirectories {
  /** In /var/lib, the state directory first; in /var/log. systemd makes them for the service's user. */
  readonly state: readonly string[];
  readonly logs: readonly string[];
  /** Elsewhere: whoever runs the service must be able to write there. */
  readonly writable: readonly string[];
  readonly readable: readonly string[];
  /** User number to run as, for a state directory elsewhere; absent: one of systemd's making. */
  readonly user?: number | string | undefined;
}

const OWN_COMMENTS = [
  "/etc/systemd/system/tunnel-agent.service",
  "systemctl daemon-reload && systemctl enable --now tunnel-agent",
];
const USUAL: UnitDirectories = { state: ["tunnel-agent"], logs: [], writable: [], readable: [] };
/** What stopping takes besides the grace period. */
const STOP_EXTRA_S = 10;

/** The text of the unit; pure, for its test. */
export function unitText(facts: UnitFacts): string {
  const {
    thing,
    words,
    credentials,
    environment = {},
    directories = USUAL,
    graceS,
    restartS,
    packaged,
  } = facts;
  const command = [packaged?.program ?? programPath(), "agent", ...words]
    .map((word) => quoteForUnit(word, packaged?.needs))
    .join(" ");
  const loads = credentials.map(({ name, path }) => `LoadCredential=${name}:${escapeUnit(path)}\n`).join("");
  const variables = Object.entries(environment)
    .map(([name, value]) => `Environment=${quoteAssignment(name, value)}\n`)
    .join("");
  const device = thing === undefined ? "this device" : `thing ${escapeUnit(thing)}`;
  return `${(packaged?.comments ?? OWN_COMMENTS).map((line) => `# ${line}\n`).join("")}
[Unit]
Description=AWS IoT secure tunnels of ${device}
Documentation=https://docs.aws.amazon.com/iot/latest/developerguide/secure-tunneling.html
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
# Messages to systemd are sent by systemd-notify, a child of the agent.
NotifyAccess=all
${packaged === undefined ? "" : environmentLines(packaged)}${variables}ExecStart=${command}
Restart=always
# Another number on each device, so that a fleet does not come back in step.
RestartSec=${restartS}
# Wrong options and unreadable files do not heal by themselves.
RestartPreventExitStatus=64 78
TimeoutStartSec=120
TimeoutStopSec=${graceS + STOP_EXTRA_S}
WatchdogSec=120
KillMode=mixed

${directoryLines(directories)}UMask=0077
# Copies that only this service can read; after a change: systemctl restart tunnel-agent
${loads}
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=${isAnyHidden(directories) ? "tmpfs" : "yes"}
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

function environmentLines({ environmentFile, needs }: PackagedUnit): string {
  return `EnvironmentFile=${escapeUnit(environmentFile)}
# Not set up is no failure: it is started by the next systemctl start.
ExecCondition=/bin/sh -c 'test -n "$$${needs}"'
`;
}

function directoryLines({ user, state, logs, writable, readable }: UnitDirectories): string {
  const lines = [
    user === undefined ? "DynamicUser=yes" : `User=${user}`,
    `StateDirectory=${state.map(quoteWord).join(" ")}`,
    "StateDirectoryMode=0700",
    ...(logs.length === 0 ? [] : [`LogsDirectory=${logs.map(quoteWord).join(" ")}`]),
    ...(writable.length === 0 ? [] : ["# The user of this service must be able to write here."]),
    ...writable.map((path) => `${HIDDEN.test(path) ? "BindPaths" : "ReadWritePaths"}=${quoteWord(path)}`),
    ...readable.filter((path) => HIDDEN.test(path)).map((path) => `BindReadOnlyPaths=${quoteWord(path)}`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** What ProtectHome= and PrivateTmp= take away from the service. */
const HIDDEN = /^\/(home|root|run\/user|tmp|var\/tmp)(\/|$)/;

function isAnyHidden({ writable, readable }: UnitDirectories): boolean {
  return [...writable, ...readable].some((path) => /^\/(home|root|run\/user)(\/|$)/.test(path));
}

/** This program's own file; run from its sources it has none, and a unit names the usual place. */
function programPath(): string {
  const [path, ...more] = ownProgram();
  return more.length > 0 ? "/usr/local/bin/tunnel" : path;
}

/** A word of a command line in a unit: percent and dollar signs are doubled, but for the variables of ours. */
function quoteForUnit(word: string, variable = "CREDENTIALS_DIRECTORY"): string {
  const isOurs = word.startsWith(`\${CREDENTIALS_DIRECTORY}/`) || word === `\${${variable}}`;
  const escaped = isOurs ? escapeUnit(word) : escapeUnit(word).replaceAll("$", "$$$$");
  return /^[\w@%+=:,./${}[\]-]+$/.test(escaped) ? escaped : quoted(escaped);
}

/** A path in a list of paths. */
function quoteWord(word: string): string {
  const escaped = escapeUnit(word);
  return /^[\w@%+=:,./[\]-]+$/.test(escaped) ? escaped : quoted(escaped);
}

/** Percent signs of a value are doubled, but for the directory of credentials. */
function quoteAssignment(name: string, value: string): string {
  const escaped = escapeUnit(value).replaceAll(/^%%d(?=\/)/g, "%d");
  return quoted(`${name}=${escaped}`);
}

function quoted(escaped: string): string {
  return `"${escaped.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function escapeUnit(text: string): string {
  return text.replaceAll("%", "%%").replaceAll(/[\n\r]/g, " ");
}
