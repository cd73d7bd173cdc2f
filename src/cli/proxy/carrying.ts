import type { Settings } from "../config/layers.ts";
import type { OptionKey } from "../config/options.ts";

/** Options about connections, of every command that carries some. */
export const CARRYING_OPTIONS = [
  "stallTimeout",
  "linger",
  "keepalive",
  "continuity",
  "resumeTimeout",
] as const satisfies readonly OptionKey[];

/** What those options say; times in milliseconds. */
export interface Carrying {
  readonly stallTimeoutMs: number;
  readonly lingerMs: number;
  readonly keepaliveMs: number;
  /**
   * How long connections wait for their other end; 0: not at all. Undefined where connections are not to outlive
   * anything, nor to be spoken of with the other end.
   */
  readonly resumeTimeoutMs: number | undefined;
}

export function carryingOf(settings: Settings): Carrying {
  return {
    stallTimeoutMs: settings.get("stallTimeout"),
    lingerMs: settings.get("linger"),
    keepaliveMs: settings.get("keepalive"),
    resumeTimeoutMs: settings.get("continuity") === "off" ? undefined : settings.get("resumeTimeout"),
  };
}
