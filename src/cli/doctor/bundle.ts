// An archive for a ticket. What goes in is listed here, field by field; nothing is copied from disk.

import { writeFileSync } from "node:fs";
import { arch, platform, release } from "node:os";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { createTar } from "nanotar";
import type { Env } from "../../base/env.ts";
import { ConfigError } from "../../base/errors.ts";
import { escapeLines } from "../../base/escape.ts";
import { homeVariable } from "../../base/home.ts";
import { codeOf, systemReason } from "../../base/system-reason.ts";
import type { Settings } from "../config/layers.ts";
import type { Output } from "../print/output.ts";
import { VERSION } from "../version.ts";
import type { Finding } from "./finding.ts";
import { mask } from "./mask.ts";

/** Options of which value and origin go in. */
const OPTION_KEYS = [
  "region",
  "endpointUrl",
  "proxyEndpoint",
  "mqttEndpoint",
  "local",
  "logLevel",
  "logFormat",
  "thing",
  "service",
] as const;

/** Variables of which the value goes in; of every other one that concerns us only the name does. */
const OPEN_VARIABLES = [
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWSIOT_TUNNEL_REGION",
  "AWS_USE_FIPS_ENDPOINT",
  "AWS_USE_DUALSTACK_ENDPOINT",
  "NO_PROXY",
  "no_proxy",
];
const OUR_VARIABLES = /^(AWS|AWSIOT|TUNNEL|SSL_CERT|XDG_STATE|NODE_|BUN_|DENO_)|^(https?|no)_proxy$/i;

/** Versions that the runtime gives, under its own name and those it stands for. */
const RUNTIME = /^(node|bun|deno)$/;

interface BundleFile {
  readonly name: string;
  /** What is in it, for the list that is shown first. */
  readonly holds: string;
  readonly content: unknown;
}

/** Says what it writes, then writes it with mode 0600. @throws ConfigError when the file is there or cannot be made */
export function writeBundle(
  path: string,
  findings: readonly Finding[],
  { settings, env, output }: { readonly settings: Settings; readonly env: Env; readonly output: Output },
): void {
  const files = bundleFiles(findings, settings, env);
  output.remark(`the bundle "${path}" will hold:`);
  // As it stands in JSON, where a backslash is two.
  const home = JSON.stringify(env[homeVariable()] ?? "").slice(1, -1);
  const entries = files.map(({ name, holds, content }) => {
    const data = `${mask(escapeLines(JSON.stringify(content, undefined, 2)), home)}\n`;
    output.remark(`  ${name}, ${data.length} characters: ${holds}`);
    return { name: `tunnel-doctor/${name}`, data };
  });
  const archive = gzipSync(createTar(entries, { attrs: { mode: "600", uid: 0, gid: 0 } }));
  try {
    writeFileSync(path, archive, { mode: 0o600, flag: "wx" });
  } catch (cause) {
    const isThere = codeOf(cause) === "EEXIST";
    throw new ConfigError(
      isThere ? `"${path}" is there already` : `cannot write "${path}": ${systemReason(cause)}`,
      { hint: "name another file: --bundle FILE", cause },
    );
  }
}

function bundleFiles(findings: readonly Finding[], settings: Settings, env: Env): readonly BundleFile[] {
  return [
    { name: "findings.json", holds: "what is printed above or below, masked", content: findings },
    {
      name: "program.json",
      holds: "versions of this program, its runtime and the system",
      content: {
        version: VERSION,
        runtime: Object.fromEntries(Object.entries(process.versions).filter(([name]) => RUNTIME.test(name))),
        system: { platform: platform(), arch: arch(), release: release() },
      },
    },
    {
      name: "settings.json",
      holds: `${OPTION_KEYS.length} settings, and where each came from`,
      content: settingsOf(settings),
    },
    {
      name: "environment.json",
      holds: "which variables are set; values of those without secrets only",
      content: environmentOf(env),
    },
  ];
}

function settingsOf(settings: Settings): Record<string, unknown> {
  const entries = OPTION_KEYS.map((key) => {
    const value: unknown = settings.get(key);
    return [key, { value: value instanceof URL ? value.href : value, origin: settings.origin(key) }] as const;
  });
  return Object.fromEntries(entries);
}

function environmentOf(env: Env): Record<string, string> {
  const names = Object.keys(env).filter((name) => OUR_VARIABLES.test(name) && (env[name] ?? "") !== "");
  const entries = names
    .sort()
    .map((name) => [name, OPEN_VARIABLES.includes(name) ? env[name] : shownValue(name, env)]);
  return Object.fromEntries(entries);
}

/** Of a web proxy its address without user and password. */
function shownValue(name: string, env: Env): string {
  const text = env[name] ?? "";
  if (!/^https?_proxy$/i.test(name) || !URL.canParse(text)) return "(set)";
  const { protocol, host } = new URL(text);
  return `${protocol}//${host}`;
}
