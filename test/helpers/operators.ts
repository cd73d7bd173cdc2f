// An operator at a machine with a serve-local and a device: what `tunnel connect` is tried with.
import { connect } from "node:net";
import { join } from "node:path";
import { AgentProcess } from "./agents.ts";
import type { TestProcess } from "./process.ts";
import { readAll } from "./proxies.ts";
import { type ServeLocal, serveLocal } from "./serve-local.ts";
import { startTcpServer } from "./servers.ts";
import { tempDir } from "./temp-dir.ts";
import { runTunnel, startTunnel } from "./tunnel.ts";

export const THING = "Pump-7";

export interface Operator extends AsyncDisposable {
  readonly server: ServeLocal;
  readonly env: NodeJS.ProcessEnv;
  /** Directory in which the connects of this operator meet. */
  readonly meetingDirectory: string;
  /** Starts `tunnel connect` for SSH of the thing. */
  connect(...args: readonly string[]): TestProcess;
  /** Runs a command against the serve-local. */
  run(...args: readonly string[]): ReturnType<typeof runTunnel>;
  /** Ids of the tunnels that are open; `args` for list. */
  openTunnels(...args: readonly string[]): Promise<string[]>;
  /** Somebody else takes the source of a tunnel, with a token that is not kept for this operator. */
  takeAway(tunnelId: string): Promise<void>;
  /** Starts the device's agent, which reaches SSH on this port. */
  startDevice(port: number, ...args: readonly string[]): Promise<AgentProcess>;
}

export async function startOperator(): Promise<Operator> {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await serveLocal());
  const [state, runtime] = [stack.use(tempDir()), stack.use(tempDir())];
  const env = { XDG_STATE_HOME: state.path, XDG_RUNTIME_DIR: runtime.path };
  const run = (...args: readonly string[]) => runTunnel([...server.local, ...args], env);
  return {
    server,
    env,
    meetingDirectory: join(runtime.path, "tunnel/connect"),
    run,
    connect: (...args) =>
      startTunnel(["connect", "--thing", THING, "--service", "SSH", ...server.local, ...args], env),
    async takeAway(tunnelId) {
      using elsewhere = tempDir();
      const words = ["rotate", tunnelId, "--mode", "source", ...server.local];
      const { code, stderr } = await runTunnel(words, { ...env, XDG_STATE_HOME: elsewhere.path });
      if (code !== 0) throw new Error(`rotate failed: ${stderr}`);
    },
    async openTunnels(...args) {
      const { stdout, code, stderr } = await run("list", "--json", ...args);
      if (code !== 0) throw new Error(`list failed: ${stderr}`);
      const { tunnelSummaries } = JSON.parse(stdout) as {
        tunnelSummaries: { tunnelId: string; status: string }[];
      };
      return tunnelSummaries.filter(({ status }) => status === "OPEN").map(({ tunnelId }) => tunnelId);
    },
    async startDevice(port, ...args) {
      const agent = stack.use(
        new AgentProcess(["--thing", THING, "--map", `SSH=127.0.0.1:${port}`, ...server.local, ...args], env),
      );
      await agent.waitFor("subscribed");
      return agent;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** An operator whose device's SSH sends back what it is sent. */
export async function startEchoOperator(): Promise<Operator & { readonly device: AgentProcess }> {
  const stack = new AsyncDisposableStack();
  const echo = stack.use(await startTcpServer());
  const operator = stack.use(await startOperator());
  const device = await operator.startDevice(echo.port);
  return { ...operator, device, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** The port on which a connect listens. */
export async function portOf(connecting: TestProcess): Promise<number> {
  const [, port] = await connecting.waitForLine(/^SSH listening on 127\.0\.0\.1:(\d+)$/);
  return Number(port);
}

/** Sends a text to a port of this machine and returns everything that comes back. */
export async function exchange(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.end(text);
  return String(await readAll(socket));
}
