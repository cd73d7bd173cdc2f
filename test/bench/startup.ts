// How long one command takes from start to end, side by side with what people run today: `tunnel --version` beside
// `node -e 0`, and `tunnel list` beside the AWS CLI's list-tunnels, both against the same serve-local. Rounds of all of
// them alternate, so that a busy machine slows all alike; ratios are of the fastest rounds, since other work only ever adds. Run with `bun test/bench/startup.ts [ROUNDS]`.
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

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

const costs = new Map<string, Cost[]>(Object.keys(RIVALS).map((name) => [name, []]));
for (let round = 0; round < ROUNDS + 1; round += 1) {
  for (const [name, command] of Object.entries(RIVALS)) {
    const cost = measure(name, command);
    if (round > 0) costs.get(name)?.push(cost); // the first round fills the caches
  }
}

for (const name of costs.keys()) {
  const wall = sorted(name, "wallMs").map((value) => value.toFixed(1));
  const cpu = sorted(name, "cpuMs").map((value) => value.toFixed(1));
  const middle = Math.floor(wall.length / 2);
  console.log(
    `${name.padEnd(26)} fastest ${wall[0]} ms, median ${wall[middle]}, slowest ${wall.at(-1)}; processor ${cpu[middle]} ms`,
  );
}
compare("tunnel --version", "node -e 0", 0.3);
compare("tunnel list", "aws list-tunnels", 0.1);
compare("tunnel list, with a file", "aws list-tunnels", 0.1);

function measure(name: string, command: readonly string[]): Cost {
  const start = performance.now();
  const { exitCode, stderr, resourceUsage } = Bun.spawnSync([...command], { env });
  const wallMs = performance.now() - start;
  if (exitCode !== 0) throw new Error(`${name}: ${exitCode} ${stderr}`);
  return { wallMs, cpuMs: Number(resourceUsage.cpuTime.total) / 1_000 };
}

function sorted(name: string, key: keyof Cost): number[] {
  return (costs.get(name) ?? []).map((cost) => cost[key]).sort((a, b) => a - b);
}

function compare(ours: string, theirs: string, limit: number): void {
  const ratioOf = (key: keyof Cost) => (sorted(ours, key)[0] ?? 0) / (sorted(theirs, key)[0] ?? 0);
  const ratio = ratioOf("wallMs");
  const verdict = ratio <= limit ? "yes" : "NO";
  console.log(
    `${ours} / ${theirs}: ${ratio.toFixed(3)} (at most ${limit}: ${verdict}; processor ${ratioOf("cpuMs").toFixed(3)})`,
  );
  if (ratio > limit) process.exitCode = 1;
}
