import { collector } from "../net/bun.ts";

/** How often it looks: asking for the size costs as much as carrying a few kilobytes. Bytes carried. */
const LOOK_BYTES = 4 * 1024 * 1024;
/** Below this the runtime's own collector may take its time: 128 MiB is what a proxy may have (README). Bytes. */
const FLOOR_BYTES = 112 * 1024 * 1024;
/** What is in use may be more than the floor; then it is collected after so much more. Bytes. */
const STEP_BYTES = 12 * 1024 * 1024;

/** What it needs of the runtime. */
export interface Memory {
  /** Resident memory of the process, bytes. */
  size(): number;
  /** Frees what is not in use and gives it back to the system. */
  collect(): void;
}

/**
 * Keeps a busy process small: a runtime's collector lets chunks that were carried long ago pile up, all the more on a
 * busy machine. Collecting costs rate, so it is done only where the process has grown.
 */
export class MemoryWatch {
  readonly #memory: Memory | undefined;
  #carried = 0;
  #most = FLOOR_BYTES;

  /** @param memory undefined where the runtime cannot be told to collect */
  constructor(memory: Memory | undefined) {
    this.#memory = memory;
  }

  /** So many bytes came in. */
  carried(bytes: number): void {
    this.#carried += bytes;
    if (this.#carried < LOOK_BYTES || this.#memory === undefined) return;
    this.#carried = 0;
    if (this.#memory.size() < this.#most) return;
    this.#memory.collect();
    this.#most = Math.max(FLOOR_BYTES, this.#memory.size() + STEP_BYTES);
  }
}

function memoryOfRuntime(): Memory | undefined {
  const collect = collector();
  return collect && { size: () => process.memoryUsage.rss(), collect };
}

/** That of this process. */
export const MEMORY_WATCH = new MemoryWatch(memoryOfRuntime());
