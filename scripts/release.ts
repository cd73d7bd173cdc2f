// See scripts/release.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import packageJson from "../package.json" with { type: "json" };
import { compile } from "./compile.ts";
import { audit } from "./releasing/audit.ts";
import { currentCommit } from "./releasing/commit.ts";
import { buildDeb } from "./releasing/deb.ts";
import { notesOf } from "./releasing/notes.ts";
import { writeNpmPackages } from "./releasing/npm-packages.ts";
import { formatFaults } from "./releasing/read-format.ts";
import { runtimeFor } from "./releasing/runtimes.ts";
import { sbom } from "./releasing/sbom.ts";
import { type Target, targetsNamed } from "./releasing/targets.ts";
import { tryProgram } from "./releasing/trial.ts";

const OUT = "dist/release";
const MEBIBYTE = 1024 * 1024;
const { version } = packageJson;

const targets = targetsNamed(process.argv.slice(2));
const commit = currentCommit();
const notes = notesOf(readFileSync("CHANGELOG.md", "utf8"), version);
rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
console.log(
  `tunnel ${version} of commit ${commit.id}${commit.isChanged ? ", with changes: not for others" : ""}`,
);
console.log(audit());
console.log("file                                              MiB   compressed   run by");
for (const target of targets) console.log(await release(target));
for (const target of targets.filter(({ npm }) => npm?.libc === "glibc")) console.log(packageFor(target));
writeFileSync(join(OUT, `tunnel-${version}.cdx.json`), sbom(commit.date));
writeFileSync(join(OUT, "NOTES.md"), notes);
copyFileSync("scripts/install.sh", join(OUT, "install.sh"));
writeFileSync(join(OUT, "SHA256SUMS"), sums());
const packages = writeNpmPackages(
  "dist/npm",
  targets.map((target) => ({ target, program: pathOf(target) })),
);
console.log(`${readdirSync(OUT).length} files in ${OUT}; to npm, in this order: ${packages.join(" ")}`);

function pathOf({ name, kind }: Target): string {
  return join(OUT, `tunnel-${version}-${name}${kind === "PE" ? ".exe" : ""}`);
}

/** Makes and checks the file of one platform; returns its line of the table. */
async function release(target: Target): Promise<string> {
  const how = { platform: target.name, runtime: runtimeFor(target) };
  const path = await compile(join(OUT, `tunnel-${version}-${target.name}`), how);
  const file = readFileSync(path);
  const again = await compile(join(OUT, ".again"), how);
  if (!readFileSync(again).equals(file)) throw new Error(`${path} differs when it is built once more`);
  rmSync(again);
  const faults = formatFaults(file, target);
  if (faults.length > 0) throw new Error(faults.join("\n"));
  const { ran, how: by } = tryProgram(path, target);
  const compressed = gzipSync(file, { level: 9 });
  writeFileSync(`${path}.gz`, compressed);
  const sizes = [file, compressed].map(({ length }) => (length / MEBIBYTE).toFixed(1));
  return [
    basename(path).padEnd(44),
    sizes[0]?.padStart(8),
    sizes[1]?.padStart(12),
    `  ${ran ? by : `not run: ${by}`}`,
  ].join(" ");
}

/** Makes the Debian package of the agent; returns its line of the table. */
function packageFor(target: Target): string {
  const architecture = target.machine === "x64" ? "amd64" : "arm64";
  const path = buildDeb({ program: pathOf(target), architecture, date: commit.date, out: OUT });
  const size = (statSync(path).size / MEBIBYTE).toFixed(1);
  return [basename(path).padEnd(44), "".padStart(8), size.padStart(12)].join(" ");
}

/** As sha256sum writes and reads it. */
function sums(): string {
  const names = readdirSync(OUT).sort();
  const sumOf = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(OUT, name)))
      .digest("hex");
  return names.map((name) => `${sumOf(name)}  ${name}\n`).join("");
}
