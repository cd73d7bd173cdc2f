import { feed, type Sources } from "./sources.ts";
import { initialState } from "./state.ts";
import type { TunnelView } from "./tunnel-view.ts";
import { shortId } from "./tunnel-view.ts";
import { Store } from "./view-store.ts";

/** Called with every tunnel that is new or has changed, and with those that are gone. */
export type OnChange = (change: {
  readonly event: "tunnel" | "tunnel-gone";
  readonly tunnel: TunnelView;
}) => void;

/** Tells each change of the tunnels until the signal stops it, where no screen can be drawn. */
export async function watchChanges(
  sources: Pick<Sources, "tunnels">,
  onChange: OnChange,
  signal: AbortSignal,
): Promise<void> {
  const size = { columns: 80, rows: 24, colours: false };
  const store = new Store(initialState({ now: Date.now(), ...size, title: "", hasControlPlane: true }));
  let told = new Map<string, TunnelView>();
  store.subscribe(() => {
    const { tunnels } = store.state();
    for (const tunnel of tunnels) {
      if (tunnelLine(tunnel) !== tunnelLine(told.get(tunnel.tunnelId))) onChange({ event: "tunnel", tunnel });
      told.delete(tunnel.tunnelId);
    }
    for (const tunnel of told.values()) onChange({ event: "tunnel-gone", tunnel });
    told = new Map(tunnels.map((tunnel) => [tunnel.tunnelId, tunnel]));
  });
  await feed(store, sources, signal);
}

/** A tunnel in one line, without what changes by itself. */
export function tunnelLine(tunnel: TunnelView | undefined): string {
  if (tunnel === undefined) return "";
  const side = (name: "source" | "destination") =>
    tunnel[name] && `${name} ${tunnel[name].isConnected ? "connected" : "disconnected"}`;
  const facts = [
    shortId(tunnel.tunnelId),
    tunnel.isOpen ? "open" : "closed",
    tunnel.thing,
    tunnel.services?.join(","),
    side("source"),
    side("destination"),
  ];
  return facts.filter(Boolean).join(" ");
}
