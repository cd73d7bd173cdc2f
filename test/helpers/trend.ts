// Whether a process grows: samples of what it holds, and the line through them.
import { readdirSync } from "node:fs";
import { residentBytes } from "./memory.ts";

interface Sample {
  /** Time of performance.now(). */
  readonly at: number;
  readonly bytes: number;
  readonly descriptors: number;
}

/** What a process held last, and by how much that grows in an hour. */
export interface Growth {
  readonly bytes: number;
  readonly bytesPerHour: number;
  readonly descriptors: number;
  readonly descriptorsPerHour: number;
}

const HOUR_MS = 3_600_000;

/** Memory and descriptors of one process, followed over time. */
export class Trend {
  readonly #samples: Sample[] = [];
  #pid = 0;

  /** Takes a sample; another process than the last time begins anew. One that has just ended gives none. */
  sample(pid: number): void {
    if (pid !== this.#pid) this.#samples.length = 0;
    this.#pid = pid;
    try {
      const descriptors = readdirSync(`/proc/${pid}/fd`).length;
      this.#samples.push({ at: performance.now(), bytes: residentBytes(pid), descriptors });
    } catch {
      // Its supervisor starts another.
    }
  }

  /** By the samples since `from`, a time of performance.now(): before it, a process is still filling its caches. */
  growthSince(from: number): Growth {
    const settled = this.#samples.filter(({ at }) => at >= from);
    const last = this.#samples.at(-1);
    const perHour = (key: "bytes" | "descriptors") =>
      slope(settled.map((sample) => [sample.at / HOUR_MS, sample[key]]));
    return {
      bytes: last?.bytes ?? Number.NaN,
      bytesPerHour: perHour("bytes"),
      descriptors: last?.descriptors ?? Number.NaN,
      descriptorsPerHour: perHour("descriptors"),
    };
  }
}

/** Least squares: how much `y` grows with each unit of `x`. NaN below two different values of `x`. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return covariance / variance;
}
