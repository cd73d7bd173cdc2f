// Compiles src/cli/main.ts to dist/tunnel, one file with its runtime. Each argument is a platform to build for
// instead of this one, as scripts/releasing/targets.ts names it: `linux-arm64-musl` makes dist/tunnel-linux-arm64-musl.
import packageJson from "../package.json" with { type: "json" };
import { compile } from "./compile.ts";
import { runtimeFor } from "./releasing/runtimes.ts";
import { targetsNamed } from "./releasing/targets.ts";

const names = process.argv.slice(2);
if (names.length === 0) console.log(`${await compile("dist/tunnel")} ${packageJson.version}`);
for (const target of names.length === 0 ? [] : targetsNamed(names)) {
  const outfile = await compile(`dist/tunnel-${target.name}`, {
    platform: target.name,
    runtime: runtimeFor(target),
  });
  console.log(`${outfile} ${packageJson.version}`);
}
