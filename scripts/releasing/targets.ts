// The platforms that a release is made for, and what the file for each must be.

/** One platform; `name` is what its file is called by, e.g. linux-x64-musl. */
export interface Target {
  readonly name: string;
  /** The npm package that holds Bun's program for it. */
  readonly package: string;
  readonly kind: "ELF" | "Mach-O" | "PE";
  readonly machine: "x64" | "arm64";
  /** Loader of an ELF file. */
  readonly interpreter?: string;
  /** The only libraries that it may ask its system for; of macOS and Windows those that every one has. */
  readonly libraries: RegExp;
  /** As npm says it; absent for those that are no npm package of their own. */
  readonly npm?: { readonly os: string; readonly cpu: string; readonly libc?: string };
}

/** One file of the C library, the others being parts of it. */
const GLIBC =
  /^(libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|ld-linux-(x86-64|aarch64)\.so\.[12])$/;
/** Those of Alpine's package libstdc++, and the C library. */
const MUSL = /^(libstdc\+\+\.so\.6|libgcc_s\.so\.1|libc\.musl-(x86_64|aarch64)\.so\.1)$/;
const MACOS = /^\/(usr\/lib|System\/Library\/Frameworks)\//;
const WINDOWS = /^[\w.-]+\.(dll|drv)$/i;

export const TARGETS: readonly Target[] = [
  linux("linux-x64", "x64", "/lib64/ld-linux-x86-64.so.2", GLIBC, "glibc"),
  linux("linux-x64-baseline", "x64", "/lib64/ld-linux-x86-64.so.2", GLIBC),
  linux("linux-arm64", "arm64", "/lib/ld-linux-aarch64.so.1", GLIBC, "glibc"),
  linux("linux-x64-musl", "x64", "/lib/ld-musl-x86_64.so.1", MUSL, "musl"),
  linux("linux-x64-musl-baseline", "x64", "/lib/ld-musl-x86_64.so.1", MUSL),
  linux("linux-arm64-musl", "arm64", "/lib/ld-musl-aarch64.so.1", MUSL, "musl"),
  { name: "darwin-x64", kind: "Mach-O", machine: "x64", libraries: MACOS, ...ofNpm("darwin", "x64") },
  { name: "darwin-arm64", kind: "Mach-O", machine: "arm64", libraries: MACOS, ...ofNpm("darwin", "arm64") },
  { name: "windows-x64", kind: "PE", machine: "x64", libraries: WINDOWS, ...ofNpm("win32", "x64") },
];

function linux(
  name: string,
  machine: Target["machine"],
  interpreter: string,
  libraries: RegExp,
  libc?: string,
): Target {
  // Of this version of Bun one program serves old processors as well: its package for them holds the same file.
  const bun = `@oven/bun-${name.replace("arm64", "aarch64").replace("-baseline", "")}`;
  const npm = libc === undefined ? {} : { npm: { os: "linux", cpu: machine, libc } };
  return { name, package: bun, kind: "ELF", machine, interpreter, libraries, ...npm };
}

function ofNpm(os: string, cpu: Target["machine"]): Pick<Target, "package" | "npm"> {
  const system = os === "win32" ? "windows" : os;
  return { package: `@oven/bun-${system}-${cpu === "arm64" ? "aarch64" : cpu}`, npm: { os, cpu } };
}

/** Those of the names given, all without any. Throws with the known names when one is unknown. */
export function targetsNamed(names: readonly string[]): readonly Target[] {
  const known = TARGETS.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`no target "${unknown}"; there are ${known.join(", ")}`);
  return names.length === 0 ? TARGETS : TARGETS.filter(({ name }) => names.includes(name));
}

/** This machine's own, which is what the tests build. */
export function hostTarget(): Target {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  const isMusl = system === "linux" && report?.header?.glibcVersionRuntime === undefined;
  const name = `${system}-${process.arch}${isMusl ? "-musl" : ""}`;
  const [target] = targetsNamed([name]);
  if (target === undefined) throw new Error(`no target for ${name}`);
  return target;
}
