// Writes src/protocol/message-static.js from proto/message.proto; with --check, fails when the two differ.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const TARGET = "src/protocol/message-static.js";
const FLAGS =
  "-t static-module -w esm --es6 --no-create --no-verify --no-convert --no-delimited --no-typeurl --no-comments --no-service";
const HEADER = "// Generated from proto/message.proto by scripts/proto.ts: edit the schema, not this file.\n";

const generated =
  HEADER +
  execFileSync("node_modules/.bin/pbjs", [...FLAGS.split(" "), "proto/message.proto"], { encoding: "utf8" });

if (process.argv.includes("--check")) {
  if (readFileSync(TARGET, "utf8") !== generated) {
    console.error(`${TARGET} does not match proto/message.proto: run bun scripts/proto.ts`);
    process.exitCode = 1;
  }
} else {
  writeFileSync(TARGET, generated);
}
