import type { Settings } from "../config/layers.ts";

/**
 * How long connections wait for their other end, in milliseconds; 0: not at all. Undefined where connections are not to
 * outlive anything, nor to be spoken of with the other end.
 */
export function resumeTimeOf(settings: Settings): number | undefined {
  return settings.get("continuity") === "off" ? undefined : settings.get("resumeTimeout");
}
