import { Box } from "ink";
import { formatAge } from "../format.ts";
import type { State } from "../state.ts";
import type { SideView, TunnelView } from "../tunnel-view.ts";
import { Line, Piece } from "./line.tsx";

/** The selected tunnel: its whole id, both sides, its services and its ages. Always five lines. */
export function TunnelDetails({ tunnel, state }: { readonly tunnel: TunnelView; readonly state: State }) {
  const { now, colours } = state;
  const { services, tags, description, openedAt, endsAt, tokenSavedAt } = tunnel;
  const ages = [
    openedAt !== undefined && `opened ${formatAge(now - openedAt)} ago`,
    tunnel.isOpen && endsAt !== undefined && `${formatAge(endsAt - now)} left`,
    tokenSavedAt !== undefined && `source token ${formatAge(now - tokenSavedAt)} old`,
  ];
  return (
    <Box flexDirection="column">
      <Line>
        <Piece tone="strong" colours={colours}>
          {tunnel.tunnelId}
        </Piece>
        {tunnel.thing !== undefined && ` ${tunnel.thing}`}
      </Line>
      <Line>source {sideText(tunnel.source, state)}</Line>
      <Line>destination {sideText(tunnel.destination, state)}</Line>
      <Line>{ages.filter(Boolean).join(", ")}</Line>
      <Line>{[services?.join(", "), description, tags?.join(" ")].filter(Boolean).join(" · ") || " "}</Line>
    </Box>
  );
}

function sideText(side: SideView | undefined, { now, colours }: State) {
  if (side === undefined) return "unknown";
  const word = side.isConnected ? "connected" : "disconnected";
  const since = side.since === undefined ? "" : ` for ${formatAge(now - side.since)}`;
  return (
    <Piece tone={side.isConnected ? "good" : "bad"} colours={colours}>
      {`${word}${since}`}
    </Piece>
  );
}
