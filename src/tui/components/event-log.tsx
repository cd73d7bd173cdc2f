import { Box } from "ink";
import { formatAge } from "../format.ts";
import type { State } from "../state.ts";
import { Line, Piece } from "./line.tsx";

/** What happened last, the newest at the bottom. */
export function EventLog({ state, rows }: { readonly state: State; readonly rows: number }) {
  const { events, now, colours } = state;
  return (
    <Box flexDirection="column">
      <Line>
        <Piece tone="dim" colours={colours}>
          EVENTS
        </Piece>
      </Line>
      {rows > 0 &&
        events.slice(-rows).map(({ at, text }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: events have no identity, and lines no state
          <Line key={index}>
            <Piece tone="dim" colours={colours}>
              {`${formatAge(now - at).padStart(4)} `}
            </Piece>
            {text}
          </Line>
        ))}
    </Box>
  );
}
