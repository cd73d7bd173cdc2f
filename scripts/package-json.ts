// The fields of the published package.json that belong to the library.
import packageJson from "../package.json" with { type: "json" };

/** One file of src/lib for each path that can be imported, as in `import { serveLocal } from "tunnel/emulator"`. */
export const SUBPATHS = [
  "agent",
  "control-plane",
  "emulator",
  "engine",
  "errors",
  "protocol",
  "proxy",
] as const;

/** Folder of the library inside the package. */
export const LIBRARY_FOLDER = "js";

/** The first that was kept for long; some before it lack AbortSignal.any and addAbortListener. */
const OLDEST_NODE = ">=20.9";

/** Exports, files, runtimes and dependencies; whoever publishes adds its own, such as `bin`. */
export interface LibraryFields {
  readonly type: "module";
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string } | string>>;
  readonly files: readonly string[];
  readonly sideEffects: false;
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * The fields for a package with the library in it.
 * @param packages names of the packages that the library imports, its declarations included
 */
export function libraryFields(packages: Iterable<string>): LibraryFields {
  const at = (name: string, suffix: string) => `./${LIBRARY_FOLDER}/lib/${name}${suffix}`;
  const exports = SUBPATHS.map(
    (name) => [`./${name}`, { types: at(name, ".d.ts"), default: at(name, ".js") }] as const,
  );
  return {
    type: "module",
    exports: { ...Object.fromEntries(exports), "./package.json": "./package.json" },
    files: [LIBRARY_FOLDER],
    sideEffects: false,
    engines: { node: OLDEST_NODE },
    dependencies: Object.fromEntries([...packages].toSorted().map((name) => [name, versionOf(name)])),
  };
}

/** Exactly what it is tested with; types of packages without their own come along as well. */
function versionOf(name: string): string {
  const { dependencies, devDependencies } = packageJson;
  const version = { ...devDependencies, ...dependencies }[name as keyof typeof dependencies];
  if (version === undefined) throw new Error(`package.json has no version of "${name}"`);
  return version;
}
