import { Box } from "ink";
import { fit, formatAge } from "../format.ts";
import { selectedTunnel, visibleTunnels, windowAround } from "../select.ts";
import type { State } from "../state.ts";
import { type SideView, shortId, type TunnelView } from "../tunnel-view.ts";
import { Line, Piece } from "./line.tsx";

/** A tunnel that ends so soon is worth a look. */
const SOON_MS = 10 * 60_000;

/** Widths of what fits beside the id; 0 leaves a column out. */
function widths(columns: number) {
  return {
    thing: columns >= 40 ? Math.min(24, Math.floor(columns / 4)) : 0,
    services: columns >= 76 ? 14 : 0,
    description: columns >= 100,
  };
}

/** Tunnels with the state of both ends and the time left, around the selected one. */
export function TunnelTable({ state, rows }: { readonly state: State; readonly rows: number }) {
  const visible = visibleTunnels(state);
  const selected = selectedTunnel(state);
  const index = selected === undefined ? 0 : visible.indexOf(selected);
  const { thing, services, description } = widths(state.columns);
  const heading = ["  TUNNEL  ", thing > 0 && fit("THING", thing), services > 0 && fit("SERVICES", services)];
  return (
    <Box flexDirection="column">
      <Line>
        <Piece tone="dim" colours={state.colours}>
          {[...heading.filter(Boolean), description ? "S D LEFT    DESCRIPTION" : "S D LEFT"]
            .filter(Boolean)
            .join(" ")}
        </Piece>
      </Line>
      {visible.length === 0 && <Line>{emptyText(state)}</Line>}
      {windowAround(visible, index, rows).map((tunnel) => (
        <TunnelRow key={tunnel.tunnelId} tunnel={tunnel} isSelected={tunnel === selected} state={state} />
      ))}
    </Box>
  );
}

function emptyText({ isLoaded, tunnels }: State): string {
  if (!isLoaded) return "  …";
  return tunnels.length === 0 ? "  no tunnels" : "  no tunnel matches the filter";
}

function TunnelRow(props: {
  readonly tunnel: TunnelView;
  readonly isSelected: boolean;
  readonly state: State;
}) {
  const { tunnel, isSelected, state } = props;
  const { thing, services, description } = widths(state.columns);
  const { colours } = state;
  return (
    <Line>
      <Piece tone={isSelected ? "strong" : "plain"} colours={colours}>
        {`${isSelected ? "›" : " "} ${fit(shortId(tunnel.tunnelId), 8)} `}
        {thing > 0 && `${fit(tunnel.thing ?? "", thing)} `}
        {services > 0 && `${fit(tunnel.services?.join(",") ?? "", services)} `}
      </Piece>
      <SideSign side={tunnel.source} isOpen={tunnel.isOpen} colours={colours} />{" "}
      <SideSign side={tunnel.destination} isOpen={tunnel.isOpen} colours={colours} />{" "}
      <TimeLeft tunnel={tunnel} state={state} width={description ? 8 : 0} />
      {description && (tunnel.description ?? "")}
    </Line>
  );
}

function TimeLeft(props: { readonly tunnel: TunnelView; readonly state: State; readonly width: number }) {
  const { isOpen, endsAt } = props.tunnel;
  const { now, colours } = props.state;
  const left = endsAt === undefined ? undefined : endsAt - now;
  const text = !isOpen ? "closed" : left === undefined ? "" : formatAge(left);
  return (
    <Piece tone={isOpen && left !== undefined && left < SOON_MS ? "warn" : "plain"} colours={colours}>
      {text.padEnd(props.width)}
    </Piece>
  );
}

function SideSign(props: {
  readonly side: SideView | undefined;
  readonly isOpen: boolean;
  readonly colours: boolean;
}) {
  const { side, isOpen, colours } = props;
  if (side === undefined || !isOpen) return "·";
  return (
    <Piece tone={side.isConnected ? "good" : "bad"} colours={colours}>
      {side.isConnected ? "●" : "○"}
    </Piece>
  );
}
