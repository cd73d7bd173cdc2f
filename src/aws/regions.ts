// Whether a region exists, as far as that can be known.

import { lookup } from "node:dns/promises";
import { ConfigError } from "../base/errors.ts";
import { escapeControl } from "../base/escape.ts";
import { nearest } from "../base/nearest.ts";
import { codeOf } from "../base/system-reason.ts";
import { isPossibleRegion, KNOWN_REGIONS } from "./partitions.ts";

/** The known region that a text was probably meant to be. */
export function regionLike(text: string): string | undefined {
  const plain = text.toLowerCase().replaceAll("_", "-");
  return nearest(plain, KNOWN_REGIONS, 0) ?? nearest(`${plain}-1`, KNOWN_REGIONS, 0);
}

/** What to ask about a region that is not known, where its hosts cannot be reached. */
export function regionDoubt(region: string): string | undefined {
  if (KNOWN_REGIONS.includes(region)) return undefined;
  const near = regionLike(region);
  return `is there a region "${region}"?${near === undefined ? "" : ` did you mean ${near}?`}`;
}

/** The failure to report for a region that does not exist. @param evidence follows the sentence */
export function noSuchRegion(region: string, evidence = ""): ConfigError {
  const near = regionLike(region);
  return new ConfigError(`the region "${escapeControl(region, 100)}" does not exist${evidence}`, {
    hint: near === undefined ? "add --region with one such as eu-west-1" : `did you mean ${near}?`,
  });
}

/**
 * Regions are added every year, so one that is not known may exist: then its name is asked for.
 * @param host of a service in that region; absent where names are not found here but by a web proxy
 * @throws ConfigError when the region does not exist
 */
export async function checkRegion(region: string, host: string | undefined): Promise<void> {
  if (!isPossibleRegion(region)) throw noSuchRegion(region);
  if (KNOWN_REGIONS.includes(region) || host === undefined) return;
  try {
    await lookup(host);
  } catch (error) {
    if (codeOf(error) === "ENOTFOUND") {
      throw noSuchRegion(region, `: it is none of those known, and "${host}" has no address`);
    }
  }
}
