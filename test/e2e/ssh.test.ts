// The main job as people do it: the built program, a real sshd behind it, real ssh and scp in front.
import { expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { serveLocal } from "../helpers/serve-local.ts";
import { startHttpServer } from "../helpers/servers.ts";
import { startSshd } from "../helpers/sshd.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";

const run = promisify(execFile);
const FILE_BYTES = 256 * 1024 * 1024;

/** serve-local and both proxies for `map`, each a process of its own; the ports by service. */
async function connect(map: string) {
  const stack = new AsyncDisposableStack();
  const local = stack.use(await serveLocal());
  const env = { XDG_STATE_HOME: stack.use(tempDir()).path };
  const services = map.split(",").map((entry) => entry.slice(0, entry.indexOf("=")));
  const opened = await runTunnel(
    ["open", ...services.flatMap((service) => ["--service", service]), "--json", ...local.local],
    env,
  );
  const { destinationAccessToken } = JSON.parse(opened.stdout);
  const destination = stack.use(
    startTunnel(["proxy", "destination", "-d", map, ...local.local], {
      ...env,
      AWSIOT_TUNNEL_ACCESS_TOKEN: destinationAccessToken,
    }),
  );
  const listen = services.map((service) => `${service}=0`).join(",");
  const source = stack.use(startTunnel(["proxy", "source", "-p", listen, "--json", ...local.local], env));
  const ports = new Map<string, number>();
  for (const service of services) {
    const line = await source.waitForLine(new RegExp(`"service":"${service}"`));
    ports.set(service, JSON.parse(line.input).port);
  }
  await destination.waitForLine(/connected/, "stderr");
  return { ports, source, destination, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

async function writeRandomFile(path: string): Promise<void> {
  const chunk = Buffer.alloc(1024 * 1024);
  await pipeline(async function* () {
    for (let written = 0; written < FILE_BYTES; written += chunk.length) {
      yield Buffer.from(randomFillSync(chunk));
    }
  }, createWriteStream(path));
}

test("ssh runs a command, scp carries 256 MiB there and back unchanged", async () => {
  await using sshd = await startSshd();
  await using tunnel = await connect(`SSH=127.0.0.1:${sshd.port}`);
  using dir = tempDir();
  const [original, there, back] = [join(dir.path, "a"), join(dir.path, "b"), join(dir.path, "c")];
  const port = String(tunnel.ports.get("SSH"));
  const { stdout } = await run("ssh", [
    ...sshd.clientOptions,
    "-p",
    port,
    `${sshd.user}@127.0.0.1`,
    "echo through the tunnel",
  ]);
  expect(stdout).toBe("through the tunnel\n");
  await writeRandomFile(original);
  await run("scp", [...sshd.clientOptions, "-P", port, original, `${sshd.user}@127.0.0.1:${there}`]);
  await run("scp", [...sshd.clientOptions, "-P", port, `${sshd.user}@127.0.0.1:${there}`, back]);
  const expected = await sha256(original);
  expect(await sha256(there)).toBe(expected);
  expect(await sha256(back)).toBe(expected);
}, 180_000);

test("a page with six parallel connections, ssh beside it on the same tunnel", async () => {
  const page = "y".repeat(500_000);
  await using web = await startHttpServer((_request, response) => void response.end(page));
  await using sshd = await startSshd();
  await using tunnel = await connect(`SSH=127.0.0.1:${sshd.port},WEB=127.0.0.1:${web.port}`);
  const url = `http://127.0.0.1:${tunnel.ports.get("WEB")}/`;
  const pages = Array.from(
    { length: 6 },
    async () => (await run("curl", ["-fsS", url], { maxBuffer: 1e6 })).stdout,
  );
  const shell = run("ssh", [
    ...sshd.clientOptions,
    "-p",
    String(tunnel.ports.get("SSH")),
    `${sshd.user}@127.0.0.1`,
    "id -un",
  ]);
  expect((await Promise.all(pages)).every((got) => got === page)).toBe(true);
  expect((await shell).stdout.trim()).toBe(sshd.user);
}, 60_000);
