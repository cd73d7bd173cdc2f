// Compiles the program to one file with its runtime.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { unsigned } from "./releasing/unsigned.ts";

/** Ink imports this package in development only and does not bring it along; the build wants to see every import. */
const withoutDevtools: Bun.BunPlugin = {
  name: "without react-devtools-core",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^react-devtools-core$/ }, ({ path }) => ({ path, namespace: "absent" }));
    onLoad({ filter: /./, namespace: "absent" }, () => ({ contents: "export default {};", loader: "js" }));
  },
};

/** Of yargs only the parser is used; its helpers would start the layer below its commands too, for 3 ms a run. */
const withoutCommandLayer: Bun.BunPlugin = {
  name: "parser of yargs alone",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^yargs\/helpers$/ }, ({ path }) => ({ path, namespace: "parser" }));
    onLoad({ filter: /./, namespace: "parser" }, () => {
      const yargs = Bun.resolveSync("yargs/helpers", import.meta.dir);
      const parser = Bun.resolveSync("yargs-parser", yargs);
      return { contents: `export { default as Parser } from ${JSON.stringify(parser)};`, loader: "js" };
    });
  },
};

/** What to compile for: a platform as Bun names it without its prefix, and the file of Bun for it. */
export interface CompileTarget {
  readonly platform?: string | undefined;
  /** Absent: Bun looks for it by itself, and this machine's is the one that runs this. */
  readonly runtime?: string | undefined;
}

/**
 * Writes the program to `outfile` (with .exe behind it for Windows) and returns the path. What is written depends on the
 * sources and on Bun alone: neither on the directory, nor on the time.
 */
export async function compile(outfile: string, { platform, runtime }: CompileTarget = {}): Promise<string> {
  mkdirSync(dirname(outfile), { recursive: true });
  // A test may be running the former one: build beside it, then take its place. The name of the file is part of it.
  const unfinished = mkdtempSync(join(dirname(outfile), ".compile-"));
  const suffix = platform?.startsWith("windows") ? ".exe" : "";
  try {
    await Bun.build({
      entrypoints: ["src/cli/main.ts"],
      // Names are kept for errors, which are told by them where nobody expected any.
      minify: { whitespace: true, syntax: true, identifiers: true, keepNames: true },
      bytecode: true,
      format: "esm",
      splitting: true,
      // Packages that ask where they lie would be told the directory on the machine that built them.
      define: { "process.env.NODE_ENV": '"production"', __dirname: '"/"', __filename: '"/tunnel"' },
      plugins: [withoutDevtools, withoutCommandLayer],
      compile: {
        outfile: join(unfinished, "tunnel"),
        ...(platform && { target: `bun-${platform}` as Bun.Build.CompileTarget }),
        ...(runtime && { executablePath: runtime }),
        // Neither bunfig.toml nor .env of whatever directory the user stands in may run code or set tokens.
        autoloadBunfig: false,
        autoloadDotenv: false,
      },
    });
    const made = join(unfinished, `tunnel${suffix}`);
    if (platform === "darwin-x64") writeFileSync(made, unsigned(readFileSync(made)));
    renameSync(made, `${outfile}${suffix}`);
  } finally {
    rmSync(unfinished, { recursive: true });
  }
  return `${outfile}${suffix}`;
}
