// `npm ci` refuses a lock file without an entry for every optional package, also those of other platforms, and
// `npm install` leaves out the ones its registry does not serve. This finds them, and with --write adds them.
import { readFileSync, writeFileSync } from "node:fs";

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  packages: Record<string, LockEntry>;
}

const SYSTEMS = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "ppc64", "riscv64", "s390x", "x64"];

/** Optional packages that an entry of the lock file asks for and that have no entry of their own, with it. */
export function missingEntries(lock: Lock): Map<string, LockEntry> {
  const missing = new Map<string, LockEntry>();
  for (const parent of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const path = `node_modules/${name}`;
      const isPresent = Object.keys(lock.packages).some((key) => key.endsWith(path));
      if (!isPresent) missing.set(path, platformEntry(name, version, parent.dev === true));
    }
  }
  return missing;
}

/** An entry that npm skips on every platform but the one in the package's name, e.g. `@scope/tool-linux-arm64-musl`. */
function platformEntry(name: string, version: string, dev: boolean): LockEntry {
  const words = name.split(/[-/]/);
  const os = words.filter((word) => SYSTEMS.includes(word));
  const cpu = words.filter((word) => PROCESSORS.includes(word));
  if (os.length === 0 || cpu.length === 0) {
    throw new Error(`${name}: no platform in the name of this package`);
  }
  const libc = /musl/.test(name) ? ["musl"] : /glibc|gnu/.test(name) ? ["glibc"] : undefined;
  return { version, cpu, ...(dev && { dev }), ...(libc && { libc }), optional: true, os };
}

function main(): void {
  const lock: Lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  const missing = missingEntries(lock);
  if (missing.size === 0) return;
  if (!process.argv.includes("--write")) {
    console.error(`package-lock.json: no entry for ${[...missing.keys()].join(", ")}`);
    console.error("run: bun scripts/lockfile.ts --write");
    process.exitCode = 1;
    return;
  }
  const all = [...Object.entries(lock.packages), ...missing].sort(([a], [b]) => (a < b ? -1 : 1));
  lock.packages = Object.fromEntries(all);
  writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
}

if (import.meta.main) main();
