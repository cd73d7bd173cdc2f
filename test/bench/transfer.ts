// One connection's rate both ways, CPU and peak memory: ours, a bare two-hop TLS relay of socat, and the reference
// proxy through our serve-local when LOCALPROXY names it. Rounds are interleaved, since machines are noisy: read the
// ratios. Run with `npm run bench`.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TestProcess } from "../helpers/process.ts";
import { type ServeLocal, serveLocal } from "../helpers/serve-local.ts";
import { freePort } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";

const BYTES = Number(process.env["BENCH_MIB"] ?? 512) * 1024 * 1024;
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 3);
const TICKS_PER_SECOND = 100;

/** Something that carries a connection from a port to the load server. */
interface Carrier {
  readonly name: string;
  readonly port: number;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
}

type Direction = "up" | "down";

interface Sample {
  readonly mbPerSecond: number;
  readonly cpuPerGb: readonly number[];
}

await using stack = new AsyncDisposableStack();
const dir = stack.use(tempDir());
const load = stack.use(new TestProcess("bun", ["test/bench/load.ts", "serve"], process.env));
const appPort = Number((await load.waitForLine(/^\d+$/))[0]);
const local = stack.use(await serveLocal());
const carriers = [await ours(), await socat()];
if (process.env["LOCALPROXY"]) carriers.push(await reference(process.env["LOCALPROXY"]));

const samples = new Map<string, Sample[]>();
for (let round = 0; round < ROUNDS; round += 1) {
  for (const carrier of carriers) {
    for (const direction of ["up", "down"] as const) {
      const key = `${carrier.name} ${direction}`;
      samples.set(key, [...(samples.get(key) ?? []), await transfer(carrier, direction)]);
    }
  }
}
report();

async function transfer(carrier: Carrier, direction: Direction): Promise<Sample> {
  const before = carrier.processes.map(({ pid }) => cpuSeconds(pid));
  const client = new TestProcess(
    "bun",
    ["test/bench/load.ts", "client", String(carrier.port), direction, String(BYTES)],
    process.env,
  );
  const done = client.waitForLine(/^[\d.]+$/, "stdout", 300_000).catch((error: Error) => {
    throw new Error(`${carrier.name}, ${direction}: ${error.message}`);
  });
  const seconds = Number((await done)[0]);
  await client.exited;
  const cpuPerGb = carrier.processes.map(
    ({ pid }, index) => (cpuSeconds(pid) - (before[index] ?? 0)) / (BYTES / 1e9),
  );
  return { mbPerSecond: BYTES / 1e6 / seconds, cpuPerGb };
}

function report(): void {
  console.log(`one connection, ${BYTES / 1024 / 1024} MiB each way, median of ${ROUNDS} interleaved rounds`);
  for (const carrier of carriers) {
    console.log(`\n${carrier.name}`);
    for (const direction of ["up", "down"] as const) {
      const own = samples.get(`${carrier.name} ${direction}`) ?? [];
      const rate = median(own.map((sample) => sample.mbPerSecond));
      const base = median(
        (samples.get(`${carriers[0]?.name} ${direction}`) ?? []).map((sample) => sample.mbPerSecond),
      );
      const cpu = carrier.processes
        .map(
          ({ name }, index) =>
            `${name} ${median(own.map((sample) => sample.cpuPerGb[index] ?? 0)).toFixed(2)}`,
        )
        .join(", ");
      console.log(
        `  ${direction.padEnd(4)} ${rate.toFixed(0).padStart(5)} MB/s  ours is ${(base / rate).toFixed(2)} × this   CPU s/GB: ${cpu}`,
      );
    }
    console.log(
      `  peak RSS MiB: ${carrier.processes.map(({ name, pid }) => `${name} ${peakMib(pid).toFixed(0)}`).join(", ")}`,
    );
  }
}

async function ours(): Promise<Carrier> {
  const env = { ...process.env, XDG_STATE_HOME: join(dir.path, "state") };
  const { tunnelId, destinationAccessToken } = await open(local, env);
  const destination = stack.use(
    startTunnel(["proxy", "destination", "-d", `LOAD=127.0.0.1:${appPort}`, ...local.local], {
      ...env,
      AWSIOT_TUNNEL_ACCESS_TOKEN: destinationAccessToken,
    }),
  );
  const source = stack.use(
    startTunnel(["proxy", "source", "-p", "LOAD=0", "--tunnel", tunnelId, "--json", ...local.local], env),
  );
  const listening = JSON.parse((await source.waitForLine(/"listening"/)).input) as { readonly port: number };
  await destination.waitForLine(/connected/, "stderr");
  return {
    name: "tunnel proxy source → serve-local → tunnel proxy destination",
    port: listening.port,
    processes: [
      { name: "source", pid: source.pid },
      { name: "serve-local", pid: local.process.pid },
      { name: "destination", pid: destination.pid },
    ],
  };
}

async function socat(): Promise<Carrier> {
  const pem = join(dir.path, "socat.pem");
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=localhost",
      "-keyout",
      pem,
      "-out",
      `${pem}.crt`,
    ],
    { stdio: "ignore" },
  );
  const key = `cert=${pem}.crt,key=${pem},verify=0`;
  const [front, middle, back] = [await freePort(), await freePort(), await freePort()];
  const start = (name: string, from: string, to: string) => ({
    name,
    pid: stack.use(new TestProcess("socat", ["-b65536", from, to], process.env)).pid,
  });
  // Each carries one connection after the other without forking, so that its CPU time is counted in one process.
  const accept = "reuseaddr,fork,max-children=4";
  const processes = [
    start("back", `OPENSSL-LISTEN:${back},bind=127.0.0.1,${key},${accept}`, `TCP:127.0.0.1:${appPort}`),
    start(
      "middle",
      `OPENSSL-LISTEN:${middle},bind=127.0.0.1,${key},${accept}`,
      `OPENSSL:127.0.0.1:${back},verify=0`,
    ),
    start("front", `TCP-LISTEN:${front},bind=127.0.0.1,${accept}`, `OPENSSL:127.0.0.1:${middle},verify=0`),
  ];
  await listening(front);
  return { name: "socat → socat → socat, TLS between them", port: front, processes: processes.reverse() };
}

async function reference(program: string): Promise<Carrier> {
  const { sourceAccessToken, destinationAccessToken } = await open(local, process.env);
  const args = [
    "-e",
    new URL(local.endpoint.controlPlane).host,
    "-c",
    join(local.stateDir, "ca/certs"),
    "-v",
    "5",
  ];
  const start = (extra: string[], token: string) =>
    stack.use(
      new TestProcess(program, [...args, ...extra], { ...process.env, AWSIOT_TUNNEL_ACCESS_TOKEN: token }),
    );
  const port = await freePort();
  const destination = start(["-d", `LOAD=127.0.0.1:${appPort}`], destinationAccessToken);
  const source = start(["-s", `LOAD=${port}`], sourceAccessToken);
  await source.waitForLine(/Listening for new connection/, "stderr");
  await destination.waitForLine(/Successfully established/, "stderr");
  return {
    name: "reference proxy → serve-local → reference proxy",
    port,
    processes: [
      { name: "source", pid: source.pid },
      { name: "destination", pid: destination.pid },
    ],
  };
}

async function open(service: ServeLocal, env: NodeJS.ProcessEnv) {
  const { stdout } = await runTunnel(["open", "--service", "LOAD", "--json", ...service.local], env);
  return JSON.parse(stdout) as {
    tunnelId: string;
    sourceAccessToken: string;
    destinationAccessToken: string;
  };
}

/** Until a port answers; socat says nothing when it listens. */
async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    if (readFileSync("/proc/net/tcp", "utf8").includes(`:${hex} 00000000:0000 0A`)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens on port ${port}`);
}

/** User and system time of a process and of its children that have ended. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}

function peakMib(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
