// Bun's programs for other platforms: npm packages that the lock file names with their sums.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import lock from "../../package-lock.json" with { type: "json" };
import { hostTarget, type Target } from "./targets.ts";

/** Below dist, so that removing that is removing all that was ever made or fetched. */
const CACHE = "dist/runtimes";

/**
 * Path of Bun's program for a platform, fetched once; undefined for this machine's own, which runs this. Throws when the
 * package cannot be had, or is not the one whose sum is in package-lock.json.
 */
export function runtimeFor(target: Target): string | undefined {
  if (target.package === hostTarget().package) return undefined;
  const packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>> =
    lock.packages;
  const { version, integrity } = packages[`node_modules/${target.package}`] ?? {};
  if (version === undefined || integrity === undefined) {
    throw new Error(`package-lock.json has no sum of ${target.package}: run bun scripts/lockfile.ts`);
  }
  const directory = join(CACHE, `${target.package.split("/")[1]}-${version}`);
  const program = join(directory, "package/bin", target.kind === "PE" ? "bun.exe" : "bun");
  if (!existsSync(program)) fetchPackage(`${target.package}@${version}`, integrity, directory);
  return program;
}

function fetchPackage(name: string, integrity: string, directory: string): void {
  mkdirSync(CACHE, { recursive: true });
  const unfinished = mkdtempSync(join(CACHE, ".fetch-"));
  try {
    execFileSync("npm", ["pack", "--silent", "--pack-destination", unfinished, name], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const archive = join(unfinished, `${name.replace(/^@/, "").replace(/[/@]/g, "-")}.tgz`);
    const sum = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
    if (sum !== integrity) {
      throw new Error(`${name} has the sum ${sum}, package-lock.json wants ${integrity}`);
    }
    execFileSync("tar", ["-xzf", archive, "-C", unfinished, "package/bin"]);
    rmSync(archive);
    renameSync(unfinished, directory);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  }
}
