// Asks npm for known faults in the packages that run.
import { spawnSync } from "node:child_process";

/** Asks the registry; see auditSentence. */
export function audit(): string {
  const { stdout } = spawnSync("npm", ["audit", "--omit=dev", "--json"], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return auditSentence(stdout ?? "");
}

/**
 * A sentence for the report about what `npm audit --json` wrote. Throws with their names when packages have known faults;
 * a registry that cannot be reached, or that has no list, is said and goes by, since a release must be possible again
 * from the same commit.
 */
export function auditSentence(text: string): string {
  const report = parse(text);
  const counts = report?.metadata?.vulnerabilities;
  if (counts === undefined) return "audit not done: the registry did not answer it";
  const names = Object.keys(report?.vulnerabilities ?? {}).join(", ");
  if (counts.total > 0) throw new Error(`packages with known faults: ${names}; see npm audit --omit=dev`);
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
