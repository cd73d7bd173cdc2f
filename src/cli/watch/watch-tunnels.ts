// list --watch and describe --watch.

import type { ConnectionState, Tunnel, TunnelSummary } from "../../aws/shapes.ts";
import { socketDirectories } from "../../operator/socket-directory.ts";
import { endOf } from "../../operator/tunnel-end.ts";
import { openTokenStore, tidyTokens } from "../../operator/user-tokens.ts";
import type { TunnelSource } from "../../tui/sources.ts";
import type { SideView, TunnelView } from "../../tui/tunnel-view.ts";
import type { WatchActions } from "../../tui/watch.tsx";
import { type Connection, withControlPlane } from "../target/connect-control-plane.ts";
import type { CommandContext } from "../words/command.ts";
import { startScreen, terminalOf } from "./start-screen.ts";

/** How often the control plane is asked: a person sees a change soon, and the service's limits are far. */
const POLL_MS = 3_000;
/** Tunnels watched at most: one page of the API, the newest ones. */
const MAX_WATCHED = 100;

/** Shows the tunnels that `list` names, live, until the person quits. */
export async function watchList(context: CommandContext): Promise<void> {
  const thingName = context.settings.get("thing");
  const max = Math.min(MAX_WATCHED, context.settings.get("max"));
  await withControlPlane(context, async (connection) => {
    const { controlPlane } = connection;
    await watch("tunnel list", connection, context, {
      list: async () => (await controlPlane.listTunnels({ thingName, max })).map(summaryView),
      describe: async (tunnelId) => tunnelView(await controlPlane.describeTunnel(tunnelId), context),
    });
  });
}

/** Shows one tunnel, live, until the person quits. */
export async function watchOne(tunnelId: string, context: CommandContext): Promise<void> {
  await withControlPlane(context, async (connection) => {
    const { controlPlane } = connection;
    await watch("tunnel describe", connection, context, {
      list: async () => [tunnelView(await controlPlane.describeTunnel(tunnelId), context)],
    });
  });
}

async function watch(
  title: string,
  connection: Connection,
  context: CommandContext,
  source: Pick<TunnelSource, "list" | "describe">,
): Promise<void> {
  const { signal, output } = context;
  const tunnels = { ...source, everyMs: POLL_MS };
  const terminal = terminalOf(context);
  output.flush();
  if (terminal === undefined) {
    await printChanges(tunnels, context);
  } else {
    const sources = { tunnels, statusDirectories: () => socketDirectories(context.env) };
    const region = await connection.controlPlane.region();
    const where = connection.target.local === undefined ? region : "local";
    const actions = actionsOf(connection, context);
    const options = { terminal, title: `${title} · ${where}`, sources, actions, signal };
    const { ended } = await startScreen(options, context);
    await ended;
  }
  signal.throwIfAborted();
}

/** A line or a document for every change: for pipes, files and dumb terminals. */
async function printChanges(tunnels: TunnelSource, context: CommandContext): Promise<void> {
  const { tunnelLine, watchChanges } = await import("../../tui/plain-watch.ts");
  const { output, stdout, signal } = context;
  const readerGone = new AbortController();
  (stdout as NodeJS.WriteStream).once("error", () => readerGone.abort());
  await watchChanges(
    { tunnels },
    ({ event, tunnel }) => {
      const time = new Date();
      if (output.json) output.document({ time, event, tunnel });
      else output.line(`${time.toISOString()} ${tunnelLine(tunnel)}${event === "tunnel" ? "" : " (gone)"}`);
    },
    AbortSignal.any([signal, readerGone.signal]),
  );
}

function actionsOf({ controlPlane, target }: Connection, context: CommandContext): WatchActions {
  return {
    async close(tunnelId) {
      await controlPlane.closeTunnel({ tunnelId });
      tidyTokens(context.env, context.log, (store) => store.delete(tunnelId));
      return `closed ${tunnelId}`;
    },
    async rotate(tunnelId, mode) {
      const { rotateTokens } = await import("../../operator/rotate-tokens.ts");
      await rotateTokens(tunnelId, mode, { controlPlane, issuer: target.issuer }, context.env);
      return `rotated ${mode === "all" ? "both tokens" : `the ${mode} token`} of ${tunnelId}`;
    },
  };
}

function summaryView({ tunnelId, status, description, createdAt }: TunnelSummary): TunnelView {
  return { tunnelId, isOpen: status === "OPEN", description, openedAt: createdAt?.getTime() };
}

function tunnelView(tunnel: Tunnel, { env }: CommandContext): TunnelView {
  const { tunnelId, createdAt, destinationConfig, tags } = tunnel;
  return {
    tunnelId,
    isOpen: tunnel.status === "OPEN",
    description: tunnel.description,
    thing: destinationConfig?.thingName,
    services: destinationConfig?.services,
    source: sideView(tunnel.sourceConnectionState),
    destination: sideView(tunnel.destinationConnectionState),
    openedAt: createdAt.getTime(),
    endsAt: endOf(tunnel).getTime(),
    tokenSavedAt: openTokenStore(env).savedAt(tunnelId, "source"),
    tags: tags?.map(({ key, value }) => `${key}=${value}`),
  };
}

function sideView(state: ConnectionState | undefined): SideView | undefined {
  if (state?.status === undefined) return undefined;
  return { isConnected: state.status === "CONNECTED", since: state.lastUpdatedAt?.getTime() };
}
