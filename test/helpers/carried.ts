import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { TestProcess } from "./process.ts";
import { startReference } from "./reference.ts";
import { type ServeLocal, serveLocal } from "./serve-local.ts";
import { freePort } from "./servers.ts";
import { runTunnel, startTunnel, tunnelCommand } from "./tunnel.ts";

/** Whose proxy runs at a side; `localproxy` is ours with the reference's command line. */
export type Make = "ours" | "reference" | "localproxy";
export type Role = "relay" | "source" | "destination";

export interface CarryOptions {
  readonly source?: Make;
  readonly destination?: Make;
  /** More arguments for our proxies. */
  readonly args?: readonly string[];
  /** A running serve-local to use in place of one of its own. */
  readonly server?: ServeLocal;
  /** Where the source listens for a service, other than on a free port. */
  readonly listen?: Readonly<Record<string, string>>;
}

/** A tunnel with a process each for the service, source and destination, the programs that people run. */
export interface Carried extends AsyncDisposable {
  readonly processes: Readonly<Record<Role, TestProcess>>;
  /** Where the source listens for a service on 127.0.0.1. */
  portOf(service: string): number;
}

/** Opens a tunnel and waits until both sides are connected. `services`: an address for each. */
export async function carry(
  services: Readonly<Record<string, string>>,
  options: CarryOptions = {},
): Promise<Carried> {
  const stack = new AsyncDisposableStack();
  try {
    const server = options.server ?? stack.use(await serveLocal());
    const tokens = await openTokens(server, Object.keys(services));
    const start = (mode: "source" | "destination", map: string) => {
      if (options[mode] === "reference") return startReference(mode, tokens[mode], map, server);
      if (options[mode] === "localproxy") {
        return startReference(mode, tokens[mode], map, server, [...tunnelCommand(), "localproxy"]);
      }
      return startOurs(mode, tokens[mode], map, server, options.args ?? []);
    };
    const destination = stack.use(await start("destination", toMap(services)));
    const listen = { ...(await freePorts(Object.keys(services))), ...options.listen };
    const source = stack.use(await start("source", toMap(listen)));
    const stream = (options.source ?? "ours") === "ours" ? "stdout" : "stderr";
    for (const at of Object.values(listen)) {
      await source.waitForLine(new RegExp(`[Ll]istening.*${at}`), stream);
    }
    return {
      processes: { relay: server.process, source, destination },
      portOf: (service) => Number(listen[service]),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function toMap(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([service, address]) => `${service}=${address}`)
    .join(",");
}

async function freePorts(services: readonly string[]): Promise<Record<string, string>> {
  const ports: number[] = [];
  for (const _ of services) ports.push(await freePort());
  return Object.fromEntries(services.map((service, at) => [service, String(ports[at])]));
}

/** Opens a tunnel for these services and gives its access tokens. */
export async function openTokens(server: ServeLocal, services: readonly string[]) {
  const words = services.flatMap((service) => ["--service", service]);
  const env = { XDG_STATE_HOME: join(server.stateDir, "operator") };
  const { stdout, stderr } = await runTunnel(["open", ...words, "--json", ...server.local], env);
  if (stdout === "") throw new Error(`no tunnel: ${stderr}`);
  const opened = JSON.parse(stdout) as { sourceAccessToken: string; destinationAccessToken: string };
  return { source: opened.sourceAccessToken, destination: opened.destinationAccessToken };
}

async function startOurs(
  mode: "source" | "destination",
  token: string,
  map: string,
  server: ServeLocal,
  args: readonly string[],
): Promise<TestProcess> {
  const flag = mode === "source" ? "-p" : "-d";
  const child = startTunnel(["proxy", mode, flag, map, ...args, ...server.local], {
    AWSIOT_TUNNEL_ACCESS_TOKEN: token,
    AWSIOT_TUNNEL_CLIENT_TOKEN: randomUUID(),
  });
  try {
    await child.waitForLine(/connected to the tunnel/, "stderr", 20_000);
  } catch (error) {
    await child.kill();
    throw error;
  }
  return child;
}
