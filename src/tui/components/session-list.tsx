import { Box } from "ink";
import type { SessionStatus } from "../../proxy/status.ts";
import { fit, formatAge, formatBytes, formatRoundTrip, sparkline } from "../format.ts";
import { type SessionRow, sessionRows } from "../select.ts";
import type { State } from "../state.ts";
import { shortId } from "../tunnel-view.ts";
import { Line, Piece, type Tone } from "./line.tsx";

const LINK_TONES: Readonly<Record<SessionStatus["link"], Tone>> = {
  connected: "good",
  connecting: "warn",
  disconnected: "bad",
};

/** What processes of this machine carry: a line for each session and for each of its connections. */
export function SessionList({ state, rows }: { readonly state: State; readonly rows: number }) {
  const all = sessionRows(state);
  const hidden = all.length - rows;
  return (
    <Box flexDirection="column">
      <Line>
        <Piece tone="dim" colours={state.colours}>
          {`ON THIS MACHINE${hidden > 0 ? ` (${hidden} more)` : ""}`}
        </Piece>
      </Line>
      {all
        .slice(0, rows)
        .map((row) =>
          row.type === "session" ? (
            <SessionLine key={`${row.pid}/${row.session.id}`} row={row} state={state} />
          ) : (
            <ConnectionLine key={row.key} row={row} state={state} />
          ),
        )}
    </Box>
  );
}

function SessionLine(props: {
  readonly row: Extract<SessionRow, { type: "session" }>;
  readonly state: State;
}) {
  const { row, state } = props;
  const { session, command, pid, rates } = row;
  const { colours, columns } = state;
  const name = session.tunnelId === undefined ? (session.thing ?? "") : shortId(session.tunnelId);
  const facts = [
    `round trip ${formatRoundTrip(session.roundTripMs)}`,
    `queue ${formatBytes(session.queuedBytes)}`,
    `${session.reconnects} reconnects`,
    `↑${formatBytes(session.bytesToTunnel)} ↓${formatBytes(session.bytesFromTunnel)}`,
    ...(session.listening.length > 0 ? session.listening : session.services),
  ];
  return (
    <Line>
      <Piece tone={LINK_TONES[session.link]} colours={colours}>
        {session.link === "connected" ? "●" : "○"}
      </Piece>
      {columns < 40 ? ` ${shortCommand(command)}` : ` ${command} ${pid}`}
      {name !== "" && ` ${name}`}
      {session.link !== "connected" && ` ${session.link}`}
      {` ${rateText(rates, columns)}`}
      {columns >= 40 && ` ${facts.join(", ")}`}
    </Line>
  );
}

function ConnectionLine(props: {
  readonly row: Extract<SessionRow, { type: "connection" }>;
  readonly state: State;
}) {
  const { connection, rates } = props.row;
  const { now, columns } = props.state;
  const { service, connectionId, openedAt, bytesToTunnel, bytesFromTunnel } = connection;
  if (columns < 40) return <Line>{`  ${connectionId} ${rateText(rates, columns)}`}</Line>;
  const name = fit(`${service === "" ? "connection" : service} ${connectionId}`, 14);
  const bytes = `↑${formatBytes(bytesToTunnel).padEnd(7)} ↓${formatBytes(bytesFromTunnel).padEnd(7)}`;
  return <Line>{`  ${name} ${fit(formatAge(now - openedAt), 6)} ${bytes} ${rateText(rates, columns)}`}</Line>;
}

function rateText(rates: readonly number[], columns: number): string {
  const bars = sparkline(rates, columns < 40 ? 0 : columns < 76 ? 8 : 16);
  return `${bars}${bars === "" ? "" : " "}${formatBytes(rates.at(-1) ?? 0)}/s`;
}

/** `source` for `proxy source`: the last word tells most. */
function shortCommand(command: string): string {
  return command.split(" ").at(-1) ?? command;
}
