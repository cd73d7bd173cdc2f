import { dirname, join } from "node:path";
import type { Env } from "../base/env.ts";
import { stateHome } from "../base/home.ts";
import { claimPrivateDirectory, readPrivateFile, writePrivateFile } from "../base/private-files.ts";
import { isText, listOf, readJson, shapeOf } from "../base/shape.ts";

/** So long continuity stays off for an endpoint that cuts whoever speaks of it (P107). */
const OFF_MS = 30 * 86_400_000;
/** Endpoints kept at most, the newest: a machine has one or two. With the longest host names they fit a private file. */
const MAX_ENDPOINTS = 32;
const VERSION = 1;

/** Name of the file, in a state directory. */
export const WARY_FILE = "continuity-off.json";

/** Those of this user. */
export function waryEndpointsOf(env: Env): WaryEndpoints {
  return new WaryEndpoints(join(stateHome(env), WARY_FILE), () => Date.now());
}

/** Endpoints of the data plane, HOST:PORT, for which continuity stays off: in a file (0600) beside the process's own memory. */
export class WaryEndpoints {
  readonly #path: string | undefined;
  readonly #now: () => number;
  readonly #own = new Map<string, number>();

  /**
   * @param path of the file; its directory is made when it is needed. Absent: nothing outlives the process
   * @param now milliseconds since 1970
   */
  constructor(path: string | undefined, now: () => number) {
    this.#path = path;
    this.#now = now;
  }

  /** When it is over, in milliseconds since 1970; undefined where continuity is on. A file that cannot be read says nothing. */
  until(endpoint: string): number | undefined {
    const until = Math.max(this.#own.get(endpoint) ?? 0, this.#read().get(endpoint) ?? 0);
    return this.#isOff(until) ? until : undefined;
  }

  /** Continuity stays off there for 30 days from now; only in this process where there is no place to write that. */
  add(endpoint: string): void {
    const until = this.#now() + OFF_MS;
    this.#own.set(endpoint, until);
    if (this.#path === undefined) return;
    const all = [...this.#read(), [endpoint, until] as const].filter(([, time]) => this.#isOff(time));
    const newest = [...new Map(all)].sort(([, one], [, other]) => one - other).slice(-MAX_ENDPOINTS);
    const endpoints = newest.map(([name, time]) => [name, new Date(time).toISOString()]);
    try {
      claimPrivateDirectory(dirname(this.#path));
      writePrivateFile(this.#path, `${JSON.stringify({ version: VERSION, endpoints })}\n`);
    } catch {
      // The next process finds it out again.
    }
  }

  /** A time further away than it can be was written by a clock that was wrong. */
  #isOff(until: number): boolean {
    return until > this.#now() && until <= this.#now() + OFF_MS;
  }

  #read(): ReadonlyMap<string, number> {
    try {
      const text = this.#path === undefined ? undefined : readPrivateFile(this.#path);
      const content = text === undefined ? undefined : readJson<Content>(text, isContent);
      return new Map(content?.endpoints.map(([name, time]) => [name, Date.parse(time)]));
    } catch {
      return new Map();
    }
  }
}

interface Content {
  readonly version: number;
  readonly endpoints: readonly (readonly [string, string])[];
}

const isContent = shapeOf<Content>({
  version: (value) => value === VERSION,
  endpoints: listOf((pair) => listOf(isText)(pair) && (pair as readonly string[]).length === 2),
});
