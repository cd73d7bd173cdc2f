// Compiles src/lib, with what it imports, to JavaScript and declarations that Node.js 20, Bun and Deno run as they are:
// dist/npm-lib is the package, ready for `npm pack`.
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path/posix";
import packageJson from "../package.json" with { type: "json" };
import { LIBRARY_FOLDER, type LibraryFields, libraryFields } from "./package-json.ts";

/** Where the package is built unless another place is named. */
const PLACE = "dist/npm-lib";
/** A generated file, which the compiler does not take for a source. */
const CODEC = "protocol/message-static";
/** What takes the place of the language's own: see src/lib/node20.ts. */
const SUBSTITUTES = [
  { own: /\bPromise\.withResolvers\(/g, ours: "withResolvers(", name: "withResolvers" },
  { own: /\bnew AsyncDisposableStack\(/g, ours: "new DisposableStack(", name: "DisposableStack" },
] as const;
/** What a file imports or exports from, in JavaScript and in declarations. */
const MODULE = /(^(?:import|export)\b[^;"]*?\bfrom\s+"|^import\s+"|\bimport\(")([^"]+)(")/gm;

/** Builds the package into `place`. @throws Error with what the compiler says */
export function buildLibrary(place = PLACE): void {
  // A test may be reading the former one: build beside it, then take its place.
  const draft = `${place}.${process.pid}`;
  try {
    writePackage(draft, writeLibrary(draft));
    rmSync(place, { recursive: true, force: true });
    renameSync(draft, place);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/**
 * Writes the library alone into the directory of a package, for a package that has more than it.
 * @returns the fields that its package.json needs
 * @throws Error with what the compiler says
 */
export function writeLibrary(place: string): LibraryFields {
  const folder = join(place, LIBRARY_FOLDER);
  compile(folder);
  for (const suffix of [".js", ".d.ts"]) cpSync(`src/${CODEC}${suffix}`, join(folder, `${CODEC}${suffix}`));
  const files = globSync(`${folder}/**/*.{js,d.ts}`);
  for (const file of files) rewrite(file, folder);
  return libraryFields(packagesIn(files));
}

function compile(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const { status, stdout, stderr, error } = spawnSync("tsc", ["-p", "src/lib", "--outDir", folder], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(error?.message ?? `${stdout}${stderr}`);
}

/** Declarations name JavaScript files as the code does, and the code does without what Node.js 20 has not. */
function rewrite(file: string, folder: string): void {
  const text = readFileSync(file, "utf8");
  const changed = file.endsWith(".d.ts")
    ? text.replace(MODULE, (_, before, name: string, after) =>
        name.startsWith(".")
          ? `${before}${name.replace(/\.ts$/, ".js")}${after}`
          : `${before}${name}${after}`,
      )
    : substitute(text, relative(dirname(file), join(folder, "lib/node20.js")));
  if (changed !== text) writeFileSync(file, changed);
}

/** @param node20 path of the substitutes from the file, without "./" where it needs one */
export function substitute(text: string, node20: string): string {
  const used = SUBSTITUTES.filter(({ own }) => text.search(own) >= 0);
  if (used.length === 0) return text;
  const names = used.map(({ name }) => name).join(", ");
  const from = node20.startsWith(".") ? node20 : `./${node20}`;
  const replaced = used.reduce((rest, { own, ours }) => rest.replace(own, ours), text);
  return `import { ${names} } from "${from}";\n${replaced}`;
}

function packagesIn(files: readonly string[]): Set<string> {
  const found = new Set<string>();
  for (const file of files) {
    for (const [, , name = ""] of readFileSync(file, "utf8").matchAll(MODULE)) {
      if (/^(\.|node:|bun:)/.test(name)) continue;
      found.add(name.split("/", name.startsWith("@") ? 2 : 1).join("/"));
    }
  }
  return found;
}

function writePackage(place: string, library: LibraryFields): void {
  const { name, version, description, license } = packageJson;
  const about = { name, version, description, license };
  writeFileSync(
    join(place, "package.json"),
    `${JSON.stringify(Object.assign(about, library), undefined, 2)}\n`,
  );
  cpSync("LICENSE", join(place, "LICENSE"));
  cpSync("docs/library.md", join(place, "README.md"));
}

if (import.meta.main) {
  buildLibrary(process.argv[2]);
  console.log(`${process.argv[2] ?? PLACE} ${packageJson.version}`);
}
