import { Box } from "ink";
import type { State } from "../state.ts";
import { shortId } from "../tunnel-view.ts";
import { Line, Piece } from "./line.tsx";

/** Keys with what they do; `tunnels` only with a control plane. */
const KEYS = [
  { keys: "↑ ↓", does: "choose a tunnel", short: "choose", tunnels: true },
  { keys: "/", does: "filter by id, thing, service, description or tag", short: "filter", tunnels: true },
  { keys: "s", does: "sort by newest, thing or time left", short: "sort", tunnels: true },
  { keys: "r", does: "rotate access tokens (asks which)", short: "rotate", tunnels: true },
  { keys: "x", does: "close the tunnel (asks first)", short: "close", tunnels: true },
  { keys: "c", does: "copy the tunnel's id", short: "copy id", tunnels: false },
  { keys: "?", does: "this help", short: "help", tunnels: false },
  { keys: "q", does: "quit, as does Ctrl-C", short: "quit", tunnels: false },
] as const;

/** The last line: what is asked, what was done, or which keys there are. */
export function Footer({ state }: { readonly state: State }) {
  const { screen, notice, colours, columns, filter } = state;
  if (screen.type === "filter") return <Line>{`/${filter}▏ Enter keeps it, Esc clears it`}</Line>;
  if (screen.type === "ask-close" || screen.type === "ask-rotate") {
    return (
      <Line>
        <Piece tone="warn" colours={colours}>
          {questionText(screen, columns)}
        </Piece>
      </Line>
    );
  }
  if (notice !== undefined) return <Line>{notice.text}</Line>;
  const keys = keysOf(state).filter((_, index, all) => columns >= 60 || index >= all.length - 2);
  return (
    <Line>
      <Piece tone="dim" colours={colours}>
        {keys.map((each) => `${each.keys} ${each.short}`).join("  ")}
      </Piece>
    </Line>
  );
}

function questionText(
  { type, tunnelId }: { readonly type: "ask-close" | "ask-rotate"; readonly tunnelId: string },
  columns: number,
): string {
  const name = shortId(tunnelId);
  if (type === "ask-close") {
    return columns < 40 ? `close? y/n ${name}` : `close ${name} for good, for both sides? y/n`;
  }
  return columns < 40 ? `rotate s/d/a/n` : `rotate ${name}: s source, d destination, a all, n nothing`;
}

/** Every key, with what it does. */
export function Help({ state }: { readonly state: State }) {
  return (
    <Box flexDirection="column">
      {keysOf(state).map(({ keys, does }) => (
        <Line key={keys}>{`${keys.padEnd(5)}${does}`}</Line>
      ))}
      <Line>S D source, destination</Line>
      <Line>● connected, ○ not, · unknown</Line>
      <Line>any key goes back</Line>
    </Box>
  );
}

function keysOf({ hasControlPlane }: State) {
  return KEYS.filter(({ tunnels }) => hasControlPlane || !tunnels);
}
