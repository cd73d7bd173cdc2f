// What is compared: programs that carry a connection from a port to the load server over two hops of TLS.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestProcess } from "../helpers/process.ts";
import { type ServeLocal, serveLocal } from "../helpers/serve-local.ts";
import { freePort } from "../helpers/servers.ts";
import { startSshd } from "../helpers/sshd.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";

/** One of them, running. */
export interface Carrier {
  readonly name: string;
  /** On 127.0.0.1. */
  readonly port: number;
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
  /** It breaks off with several connections, or after one that was cut. */
  readonly isFragile?: boolean;
}

/** Where they find things, and what ends with them. */
export interface Site {
  readonly stack: AsyncDisposableStack;
  readonly dir: string;
  readonly loadPort: number;
}

/** Another address of the data plane, as `host:port`. */
export interface OursOptions {
  readonly sourceBy?: string;
  readonly destinationBy?: string;
  readonly args?: readonly string[];
}

export async function ours(
  site: Site,
  server: ServeLocal,
  { sourceBy, destinationBy, args = [] }: OursOptions = {},
): Promise<Carrier> {
  const { stack, loadPort } = site;
  const tokens = await openLoad(server);
  const by = (endpoint?: string) => (endpoint === undefined ? [] : ["--proxy-endpoint", endpoint]);
  const start = (mode: string, token: string, ...more: string[]) =>
    stack.use(
      startTunnel(["proxy", mode, "--json", ...more, ...server.local, ...args], {
        AWSIOT_TUNNEL_ACCESS_TOKEN: token,
      }),
    );
  const to = ["-d", `LOAD=127.0.0.1:${loadPort}`, ...by(destinationBy)];
  const destination = start("destination", tokens.destinationAccessToken, ...to);
  const source = start("source", tokens.sourceAccessToken, "-p", "LOAD=0", ...by(sourceBy));
  const listening = JSON.parse((await source.waitForLine(/"listening"/)).input) as { readonly port: number };
  await destination.waitForLine(/connected/, "stderr");
  return {
    name: "tunnel",
    port: listening.port,
    processes: [
      { name: "source", pid: source.pid },
      { name: "service", pid: server.process.pid },
      { name: "destination", pid: destination.pid },
    ],
  };
}

/** The reference's local proxies, through a service of their own. */
export async function reference({ stack, loadPort }: Site, program: string): Promise<Carrier> {
  const server = stack.use(await serveLocal());
  const tokens = await openLoad(server);
  const host = new URL(server.endpoint.controlPlane).host;
  const common = ["-e", host, "-c", join(server.stateDir, "ca/certs"), "-v", "5"];
  const start = (token: string, ...more: string[]) =>
    stack.use(
      new TestProcess(program, [...common, ...more], { ...process.env, AWSIOT_TUNNEL_ACCESS_TOKEN: token }),
    );
  const port = await freePort();
  const destination = start(tokens.destinationAccessToken, "-d", `LOAD=127.0.0.1:${loadPort}`);
  const source = start(tokens.sourceAccessToken, "-s", `LOAD=${port}`);
  await source.waitForLine(/Listening for new connection/, "stderr");
  await destination.waitForLine(/Successfully established/, "stderr");
  return {
    name: "reference proxy",
    port,
    isFragile: true,
    processes: [
      { name: "source", pid: source.pid },
      { name: "service", pid: server.process.pid },
      { name: "destination", pid: destination.pid },
    ],
  };
}

/** Three socats in the three places, TLS between them. */
export async function socat(site: Site): Promise<Carrier> {
  const pem = certificate(site.dir);
  const key = `cert=${pem},verify=0`;
  const [front, middle, back] = [await freePort(), await freePort(), await freePort()];
  const start = (name: string, from: string, to: string) => ({
    name,
    pid: site.stack.use(new TestProcess("socat", ["-b65536", from, to], process.env)).pid,
  });
  const accept = "reuseaddr,nodelay,fork,max-children=64";
  const processes = [
    start(
      "destination",
      `OPENSSL-LISTEN:${back},bind=127.0.0.1,${key},${accept}`,
      `TCP:127.0.0.1:${site.loadPort},nodelay`,
    ),
    start(
      "service",
      `OPENSSL-LISTEN:${middle},bind=127.0.0.1,${key},${accept}`,
      `OPENSSL:127.0.0.1:${back},verify=0,nodelay`,
    ),
    start(
      "source",
      `TCP-LISTEN:${front},bind=127.0.0.1,${accept}`,
      `OPENSSL:127.0.0.1:${middle},verify=0,nodelay`,
    ),
  ];
  for (const port of [back, middle, front]) await listening(port);
  return { name: "socat, TLS", port: front, processes: processes.reverse() };
}

/** HAProxy in the same three places. */
export async function haproxy(site: Site): Promise<Carrier> {
  const pem = certificate(site.dir);
  const [front, middle, back] = [await freePort(), await freePort(), await freePort()];
  const start = (name: string, bind: string, server: string) => {
    const path = join(site.dir, `haproxy-${name}.cfg`);
    const timeouts = ["connect", "client", "server"].map((what) => `  timeout ${what} 1h`).join("\n");
    writeFileSync(
      path,
      `global\n  nbthread 1\ndefaults\n  mode tcp\n${timeouts}\nlisten ${name}\n  bind 127.0.0.1:${bind}\n  server to 127.0.0.1:${server}\n`,
    );
    return {
      name,
      pid: site.stack.use(new TestProcess("/usr/sbin/haproxy", ["-db", "-f", path], process.env)).pid,
    };
  };
  const processes = [
    start("source", String(front), `${middle} ssl verify none`),
    start("service", `${middle} ssl crt ${pem}`, `${back} ssl verify none`),
    start("destination", `${back} ssl crt ${pem}`, String(site.loadPort)),
  ];
  for (const port of [back, middle, front]) await listening(port);
  return { name: "HAProxy, TLS", port: front, processes };
}

/** `ssh -L` to a real sshd: one hop, and what an operator has where the device can be reached. */
export async function ssh({ stack, loadPort }: Site): Promise<Carrier> {
  const sshd = stack.use(await startSshd());
  const port = await freePort();
  const forward = ["-N", "-L", `127.0.0.1:${port}:127.0.0.1:${loadPort}`, "-p", String(sshd.port)];
  const client = new TestProcess(
    "ssh",
    [...sshd.clientOptions, ...forward, `${sshd.user}@127.0.0.1`],
    process.env,
  );
  stack.use(client);
  await listening(port);
  return { name: "ssh -L, one hop", port, processes: [{ name: "ssh", pid: client.pid }] };
}

interface Tokens {
  readonly sourceAccessToken: string;
  readonly destinationAccessToken: string;
}

async function openLoad(server: ServeLocal): Promise<Tokens> {
  const { stdout } = await runTunnel(["open", "--service", "LOAD", "--json", ...server.local]);
  return JSON.parse(stdout);
}

let made: string | undefined;

/** Certificate and key in one file; made once. */
function certificate(dir: string): string {
  if (made !== undefined) return made;
  const [key, crt, pem] = ["key", "crt", "pem"].map((end) => join(dir, `tls.${end}`)) as [
    string,
    string,
    string,
  ];
  const request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split(" ");
  execFileSync("openssl", [...request, "-keyout", key, "-out", crt], { stdio: "ignore" });
  writeFileSync(pem, readFileSync(crt, "utf8") + readFileSync(key, "utf8"), { mode: 0o600 });
  made = pem;
  return pem;
}

/** Until somebody listens on a port, who says nothing of it. */
async function listening(port: number): Promise<void> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (readFileSync("/proc/net/tcp", "utf8").includes(`:${hex} 00000000:0000 0A`)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens on port ${port}`);
}
