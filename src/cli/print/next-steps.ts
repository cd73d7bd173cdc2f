// Command lines to type next, as printed under an answer.

import type { Env } from "../../base/env.ts";
import { quoteForShell, shellLine } from "../../base/shell.ts";
import { localWords } from "../config/local.ts";
import type { Target } from "../target/target.ts";

const FIRST_PORT = 2222;

/** Listens on this machine for each service of a tunnel. */
export function proxySourceLine(
  tunnelId: string,
  services: readonly string[],
  target: Target,
  env: Env,
): string {
  const ports =
    services.map((service, index) => `${service}=${FIRST_PORT + index}`).join(",") || String(FIRST_PORT);
  return `${shellLine`tunnel proxy source -p ${ports} --tunnel ${tunnelId}`}${localWords(target.local, env)}`;
}

/** Serves a tunnel on the device's side: with the file the token was written to, or on this machine. */
export function proxyDestinationLine(
  tunnelId: string,
  services: readonly string[],
  tokenFile: string | undefined,
  target: Target,
  env: Env,
): string {
  const map =
    services.map((service) => `${service}=localhost:${usualPort(service)}`).join(",") || "localhost:PORT";
  const token =
    tokenFile === undefined ? shellLine`--tunnel ${tunnelId}` : shellLine`--access-token-file ${tokenFile}`;
  const region = target.local === undefined && tokenFile !== undefined ? " --region REGION" : "";
  return `tunnel proxy destination -d ${quoteForShell(map)} ${token}${region}${localWords(target.local, env)}`;
}

function usualPort(service: string): string {
  const ports = new Map([
    ["SSH", "22"],
    ["VNC", "5900"],
  ]);
  return ports.get(service.toUpperCase()) ?? "PORT";
}
