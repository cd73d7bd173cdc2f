// The npm packages: one that people install, and for each platform one with the program, of which npm takes one.
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { TARGETS, type Target } from "./targets.ts";

const { name: NAME, version, description, license, engines } = packageJson;

/** A target with its compiled program. */
export interface Compiled {
  readonly target: Target;
  readonly program: string;
}

/**
 * Writes the directories to publish below `out`: the program's packages of these targets, and the main one, which names
 * those of all. Returns their paths, the main one last, as that is the order to publish them in.
 */
export function writeNpmPackages(out: string, compiled: readonly Compiled[]): readonly string[] {
  rmSync(out, { recursive: true, force: true });
  const platforms = compiled.filter(({ target }) => target.npm !== undefined);
  return [...platforms.map((each) => writePlatform(out, each)), writeMain(out)];
}

function writePlatform(out: string, { target, program }: Compiled): string {
  const path = join(out, nameOf(target));
  const file = target.kind === "PE" ? "bin/tunnel.exe" : "bin/tunnel";
  put(program, join(path, file), 0o755);
  const { os = "", cpu = "", libc } = target.npm ?? {};
  return writePackage(path, {
    name: nameOf(target),
    description: `Program of ${NAME} for ${target.name}`,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    // Package managers that keep packages in archives have to unpack it.
    preferUnplugged: true,
    files: [file],
  });
}

function writeMain(out: string): string {
  const path = join(out, NAME);
  put("scripts/npm/tunnel.cjs", join(path, "bin/tunnel.cjs"), 0o755);
  put("README.md", join(path, "README.md"), 0o644);
  const names = TARGETS.filter(({ npm }) => npm !== undefined).map(nameOf);
  return writePackage(path, {
    name: NAME,
    description,
    engines,
    bin: { tunnel: "bin/tunnel.cjs" },
    files: ["bin/tunnel.cjs"],
    optionalDependencies: Object.fromEntries(names.map((name) => [name, version])),
  });
}

function writePackage(path: string, fields: Readonly<Record<string, unknown>>): string {
  put("LICENSE", join(path, "LICENSE"), 0o644);
  writeFileSync(join(path, "package.json"), `${JSON.stringify({ version, license, ...fields }, null, 2)}\n`);
  return path;
}

function put(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
}

function nameOf({ name }: Target): string {
  return `${NAME}-${name}`;
}
