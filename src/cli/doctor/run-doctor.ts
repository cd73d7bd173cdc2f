// What the doctor command does.

import { TunnelError, UsageError } from "../../base/errors.ts";
import { type Connection, withControlPlane } from "../target/connect-control-plane.ts";
import type { CommandContext } from "../words/command.ts";
import { exitCodeOfFindings, type Finding, failed, ok, type Verdict } from "./finding.ts";
import { describeSite } from "./site.ts";

/** Examines, tells, and returns the exit code of the first thing that failed. */
export async function runDoctor(context: CommandContext): Promise<number> {
  const findings = await examineAll(context);
  const bundle = context.settings.get("bundle");
  if (bundle !== undefined) {
    const { writeBundle } = await import("./bundle.ts");
    writeBundle(bundle, findings, context);
  }
  context.output.flush();
  report(findings, context);
  return exitCodeOfFindings(findings);
}

async function examineAll(context: CommandContext): Promise<readonly Finding[]> {
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, over.signal]);
  try {
    return await withControlPlane({ ...context, signal }, (connection) => examineSite(connection, context));
  } catch (error) {
    // Settings that make no sense are a finding; a wrong command line is not.
    if (!(error instanceof TunnelError) || error instanceof UsageError) throw error;
    return [failed("settings", error)];
  } finally {
    // Calls that were given up would keep the process for as long as their own limits allow.
    over.abort();
  }
}

async function examineSite(
  { controlPlane, target }: Connection,
  { settings, env, signal }: CommandContext,
): Promise<readonly Finding[]> {
  const { examine } = await import("./examine.ts");
  const region = await controlPlane.region();
  const site = describeSite(target, region, {
    mqtt: settings.get("mqttEndpoint"),
    thing: settings.get("thing"),
    services: settings.get("service"),
    env,
  });
  const where = target.local === undefined ? `region ${region}` : `serve-local on "${target.local.stateDir}"`;
  return [ok("settings", where), ...(await examine(site, controlPlane, signal))];
}

function report(findings: readonly Finding[], { output }: CommandContext): void {
  if (output.json) {
    output.document({ checks: findings.map(({ exitCode: _, ...shown }) => shown), ...countAll(findings) });
    return;
  }
  const width = Math.max(...findings.map(({ check }) => check.length));
  for (const { verdict, check, message, fix } of findings) {
    output.line(`${verdict.padEnd(7)}  ${check.padEnd(width)}  ${message}`);
    if (fix !== undefined) output.line(`${" ".repeat(width + 11)}fix: ${fix}`);
  }
  const { ok: fine, warn, fail, unknown } = countAll(findings);
  output.line(`${fine} ok, ${warn} to look at, ${fail} failed, ${unknown} unknown`);
}

function countAll(findings: readonly Finding[]): Record<Verdict, number> {
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  return { ok: count("ok"), warn: count("warn"), fail: count("fail"), unknown: count("unknown") };
}
