import type { Target } from "./targets.ts";

/** What a compiled file is, as its own headers say. */
export interface Format {
  readonly kind: Target["kind"];
  readonly machine: Target["machine"];
  readonly interpreter?: string;
  /** What it asks the system to load beside it. */
  readonly libraries: readonly string[];
  /** Of Mach-O: every page is the one that its signature names. */
  readonly isSigned?: boolean;
}
