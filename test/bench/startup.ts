// How long one command takes from start to end, side by side with what people run today: `tunnel --version` beside
// `node -e 0`, and `tunnel list` beside the AWS CLI's list-tunnels, both against the same serve-local. Rounds of all of
// them alternate, so that a busy machine slows all alike; read the ratios. Run with `bun test/bench/startup.ts [ROUNDS]`.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serveLocal } from "../helpers/serve-local.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { BINARY, runTunnel } from "../helpers/tunnel.ts";

const ROUNDS = Number(process.argv[2] ?? 15);
const TUNNELS = 5;

await using server = await serveLocal();
using dir = tempDir();
for (let each = 0; each < TUNNELS; each += 1) await runTunnel(["open", "--service", "SSH", ...server.local]);

const env = {
  PATH: process.env["PATH"],
  HOME: dir.path,
  AWS_ACCESS_KEY_ID: "dummy",
  AWS_SECRET_ACCESS_KEY: "dummy",
  AWS_EC2_METADATA_DISABLED: "true",
};
const { controlPlane, ca, region } = server.endpoint;
const [, statePath = ""] = server.local;
const withFile = join(dir.path, "with-file");
mkdirSync(withFile);
writeFileSync(join(withFile, "config.yaml"), `contexts:\n  here: { local: ${statePath} }\n`, { mode: 0o600 });

const AWS = `--endpoint-url ${controlPlane} --ca-bundle ${ca} --region ${region} iotsecuretunneling list-tunnels`;
const FILE = ["--config", join(withFile, "config.yaml"), "--context", "here"];
const RIVALS: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
  "tunnel --version": [BINARY, "--version"],
  "node -e 0": ["node", "-e", "0"],
  "tunnel list": [BINARY, "list", ...server.local],
  "tunnel list, with a file": [BINARY, "list", ...FILE],
  "aws list-tunnels": ["aws", ...AWS.split(" ")],
};

const times = new Map<string, number[]>(Object.keys(RIVALS).map((name) => [name, []]));
for (let round = 0; round < ROUNDS + 1; round += 1) {
  for (const [name, [command, ...args]] of Object.entries(RIVALS)) {
    const start = performance.now();
    const { status, stderr } = spawnSync(command, args, { env, encoding: "utf8" });
    if (status !== 0) throw new Error(`${name}: ${status} ${stderr}`);
    if (round > 0) times.get(name)?.push(performance.now() - start); // the first round fills the caches
  }
}

for (const [name, all] of times) {
  const [least = 0, most = 0] = [Math.min(...all), Math.max(...all)];
  console.log(
    `${name.padEnd(26)} median ${median(name).toFixed(1)} ms (${least.toFixed(1)}–${most.toFixed(1)})`,
  );
}
compare("tunnel --version", "node -e 0", 0.3);
compare("tunnel list", "aws list-tunnels", 0.1);
compare("tunnel list, with a file", "aws list-tunnels", 0.1);

function median(name: string): number {
  const sorted = [...(times.get(name) ?? [])].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function compare(ours: string, theirs: string, limit: number): void {
  const ratio = median(ours) / median(theirs);
  console.log(
    `${ours} / ${theirs}: ${ratio.toFixed(3)} (at most ${limit}: ${ratio <= limit ? "yes" : "NO"})`,
  );
  if (ratio > limit) process.exitCode = 1;
}
