// Compiles src/cli/main.ts to dist/tunnel, one file with its runtime. Each argument is a platform to build for
// instead of this one, as Bun names it without its prefix: `linux-arm64-musl` makes dist/tunnel-linux-arm64-musl.
import { mkdirSync, renameSync } from "node:fs";
import packageJson from "../package.json" with { type: "json" };

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

const targets = process.argv.slice(2);
mkdirSync("dist", { recursive: true });
if (targets.length === 0) await build("dist/tunnel");
for (const target of targets) await build(`dist/tunnel-${target}`, target);

async function build(outfile: string, target?: string): Promise<void> {
  // A test may be running the former one: build beside it, then take its place.
  const unfinished = `${outfile}.${process.pid}`;
  await Bun.build({
    entrypoints: ["src/cli/main.ts"],
    // Names are kept for errors, which are told by them where nobody expected any.
    minify: { whitespace: true, syntax: true, identifiers: true, keepNames: true },
    bytecode: true,
    format: "esm",
    splitting: true,
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [withoutDevtools, withoutCommandLayer],
    compile: {
      outfile: unfinished,
      ...(target && { target: `bun-${target}` as Bun.Build.CompileTarget }),
      // Neither bunfig.toml nor .env of whatever directory the user stands in may run code or set tokens.
      autoloadBunfig: false,
      autoloadDotenv: false,
    },
  });
  const suffix = target?.startsWith("windows") ? ".exe" : "";
  renameSync(`${unfinished}${suffix}`, `${outfile}${suffix}`);
  console.log(`${outfile}${suffix} ${packageJson.version}`);
}
