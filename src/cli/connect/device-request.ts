// What the options of every command that reaches a device ask for.
import { UsageError } from "../../base/errors.ts";
import { shellLine } from "../../base/shell.ts";
import type { ConnectRequest } from "../../operator/request.ts";
import type { Settings } from "../config/layers.ts";
import { carryingOf } from "../proxy/carrying.ts";

/** Which device. Throws UsageError. @param question what a command asks for without a thing */
export function deviceOf(
  settings: Settings,
  command: string,
  question: string,
): Pick<ConnectRequest, "thing" | "service"> {
  const thing = settings.get("thing");
  const [service, ...others] = settings.get("service");
  if (thing === undefined) {
    throw new UsageError(`--thing is missing: ${question}`, `${command} --thing pump-7 --service SSH`);
  }
  if (service === undefined || others.length > 0) {
    throw new UsageError(
      `one --service, please: which service of "${thing}"?`,
      `${command} ${shellLine`--thing ${thing} --service ${service ?? "SSH"}`}`,
    );
  }
  return { thing, service };
}

/** How its tunnel is found, waited for and used. */
export function reachingOf(settings: Settings) {
  return {
    lifetimeMinutes: settings.get("lifetime"),
    waitMs: settings.get("wait"),
    keep: settings.get("keep"),
    takeOver: settings.get("takeOver"),
    ...carryingOf(settings),
  };
}
