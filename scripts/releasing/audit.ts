// Asks npm for known faults in the packages that run.
import { spawnSync } from "node:child_process";

/**
 * A sentence for the report. Throws with npm's list when a package has a known fault; a registry that cannot be reached,
 * or that has no list, is said and goes by, since a release must be possible again from the same commit.
 */
export function audit(): string {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], {
    encoding: "utf8",
    timeout: 60_000,
  });
  const report = parse(stdout);
  const counts = report?.metadata?.vulnerabilities;
  if (counts === undefined) return "audit not done: the registry did not answer it";
  if (counts.total > 0) {
    throw new Error(
      `packages with known faults: ${Object.keys(report?.vulnerabilities ?? {}).join(", ")}; see npm audit`,
    );
  }
  return `audit: no known faults in ${report?.metadata?.dependencies?.prod ?? "the"} packages`;
}

interface AuditReport {
  readonly vulnerabilities?: Readonly<Record<string, unknown>>;
  readonly metadata?: {
    readonly vulnerabilities?: { readonly total: number };
    readonly dependencies?: { readonly prod: number };
  };
}

function parse(text: string): AuditReport | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
