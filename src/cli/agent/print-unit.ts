// A systemd unit for the agent with everything it was given, from the command line, the environment or a file: as a
// service it has none of these.

import { existsSync, type Stats, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Env } from "../../base/env.ts";
import { UsageError } from "../../base/errors.ts";
import { homeOf } from "../../base/home.ts";
import { userNumber } from "../../base/platform.ts";
import { AGENT_KEYS } from "../config/agent-options.ts";
import type { Settings } from "../config/layers.ts";
import type { Option } from "../config/option.ts";
import { GLOBAL_KEYS, OPTIONS, type OptionKey } from "../config/options.ts";
import type { CommandContext } from "../words/command.ts";
import { type UnitDirectories, type UnitFacts, unitText } from "./unit-text.ts";

/** Restarts of a fleet that failed together are spread over this much: each device's unit has a number of its own. */
const RESTART_SPREAD_S = 20;
const RESTART_FLOOR_S = 5;

/** Prints the unit on stdout. Throws UsageError when what was asked for cannot run as a service. */
export function printUnit(thing: string, { settings, env, output }: CommandContext): void {
  if (settings.get("local") !== undefined) {
    throw new UsageError("--print-unit is for devices; --local is for this machine's own serve-local");
  }
  const secrets = secretsLeftOut(settings, env);
  if (secrets.length > 0) {
    output.remark(
      `left out, since every user can read a unit: ${secrets.join(", ")}; give them to the service with EnvironmentFile=`,
    );
  }
  output.script(
    unitText({
      thing,
      words: [...plainWords(settings), ...identityWords(settings)],
      credentials: [...identityFiles(settings), ...awsFiles(settings, env)],
      environment: environmentOf(settings, env),
      directories: directoriesOf(settings),
      graceS: Math.ceil(settings.get("grace") / 1_000),
      restartS: RESTART_FLOOR_S + Math.floor(Math.random() * RESTART_SPREAD_S),
    }),
  );
}

/** Files that are handed over as copies, and what chooses other settings, which are all in the unit. */
const NOT_PLAIN: ReadonlySet<OptionKey> = new Set([
  ...(["cert", "key", "ca"] as const),
  ...(["printUnit", "local", "config", "context"] as const),
]);

/** Options as they were written; paths in full. */
function plainWords(settings: Settings): string[] {
  return [...AGENT_KEYS, ...GLOBAL_KEYS]
    .filter((key) => !NOT_PLAIN.has(key) && settings.origin(key).type !== "default")
    .flatMap((key) => (settings.texts(key) ?? []).flatMap((text) => wordsOf(OPTIONS[key], text)));
}

function wordsOf({ flag, arity, takes }: Option<unknown>, text: string): string[] {
  if (arity === "switch") return text === "false" ? [] : [`--${flag}`];
  const isPath = takes === "file" || takes === "directory" || takes === "path";
  return [`--${flag}`, isPath ? resolve(text) : text];
}

/** A directory cannot be handed over under one name. */
function isDirectory(path: string): boolean {
  return factsOf(path)?.isDirectory() ?? false;
}

function factsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // where this user may not look
  }
}

function pathOf(settings: Settings, key: "cert" | "key" | "ca"): string | undefined {
  const path = settings.get(key);
  return path === undefined ? undefined : resolve(path);
}

/** Of the variables of OpenSSL one may name many directories: they are passed on as they are. */
function isOfOpenSsl(settings: Settings): boolean {
  const origin = settings.origin("ca");
  return origin.type === "env" && origin.name.startsWith("SSL_");
}

function identityFiles(settings: Settings): UnitFacts["credentials"] {
  return (["cert", "key", "ca"] as const).flatMap((name) => {
    const path = pathOf(settings, name);
    const isPassedOn = name === "ca" && (isOfOpenSsl(settings) || (path !== undefined && isDirectory(path)));
    return path === undefined || isPassedOn ? [] : [{ name, path }];
  });
}

function identityWords(settings: Settings): string[] {
  const ca = pathOf(settings, "ca");
  const isDirectoryOfCa = ca !== undefined && !isOfOpenSsl(settings) && isDirectory(ca);
  return [
    ...identityFiles(settings).flatMap(({ name }) => [`--${name}`, `\${CREDENTIALS_DIRECTORY}/${name}`]),
    ...(isDirectoryOfCa ? ["--ca", ca] : []),
  ];
}

/** The files of the AWS CLI, for an agent that has no certificate: its service has no home to find them in. */
function awsFiles(settings: Settings, env: Env): { name: string; path: string; variable: string }[] {
  if (settings.get("cert") !== undefined && settings.origin("profile").type === "default") return [];
  const files = [
    { variable: "AWS_CONFIG_FILE", usual: "config" },
    { variable: "AWS_SHARED_CREDENTIALS_FILE", usual: "credentials" },
  ];
  return files
    .map(({ variable, usual }) => ({
      name: `aws-${usual}`,
      path: resolve(env[variable] || join(homeOf(env), ".aws", usual)),
      variable,
    }))
    .filter(({ path }) => existsSync(path));
}

/** Variables without an option of their own. A web proxy's may hold a password, before an “@”. */
const PASSED_ON = [
  ...["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"],
  ...["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"],
];

function environmentOf(settings: Settings, env: Env): Record<string, string> {
  const names = [...PASSED_ON, ...(isOfOpenSsl(settings) ? ["SSL_CERT_FILE", "SSL_CERT_DIR"] : [])];
  const given = names.flatMap((name) => {
    const value = env[name];
    return value === undefined || value === "" || value.includes("@") ? [] : [[name, value] as const];
  });
  const copies = awsFiles(settings, env).map(({ name, variable }) => [variable, `%d/${name}`] as const);
  return Object.fromEntries([...given, ...copies]);
}

function secretsLeftOut(settings: Settings, env: Env): string[] {
  const keys = settings.get("cert") === undefined ? ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] : [];
  const proxies = PASSED_ON.filter((name) => env[name]?.includes("@"));
  return [...keys.filter((name) => (env[name] ?? "") !== ""), ...proxies];
}

function directoriesOf(settings: Settings): UnitDirectories {
  const given = settings.get("stateDir");
  const stateDir = given === undefined ? undefined : resolve(given);
  const files = (["auditFile", "logFile"] as const).flatMap((key) => {
    const path = settings.get(key);
    return path === undefined ? [] : [dirname(resolve(path))];
  });
  const own = stateDir === undefined ? [] : [stateDir];
  const all = [...new Set([...own, ...files])].filter((path) => !path.startsWith("/dev"));
  const state = all.flatMap((path) => below("/var/lib", path));
  const logs = all.flatMap((path) => below("/var/log", path));
  const ca = pathOf(settings, "ca");
  const isElsewhere = stateDir !== undefined && below("/var/lib", stateDir).length === 0;
  return {
    state: stateDir !== undefined && !isElsewhere ? state : ["tunnel-agent", ...state],
    logs,
    writable: all.filter((path) => below("/var/lib", path).length + below("/var/log", path).length === 0),
    readable: ca !== undefined && isDirectory(ca) ? [ca] : [],
    user: isElsewhere ? ownerOf(stateDir) : undefined,
  };
}

function below(base: string, path: string): string[] {
  return path.startsWith(`${base}/`) ? [relative(base, path)] : [];
}

/** Whose directory it is, or will be once it is made. */
function ownerOf(path: string): number {
  return factsOf(path)?.uid ?? userNumber() ?? 0;
}
