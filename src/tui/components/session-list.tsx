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
      {all.slice(0, rows).map((row) => (
        <Row key={row.key} row={row} state={state} />
      ))}
    </Box>
  );
}

function Row({ row, state }: { readonly row: SessionRow; readonly state: State }) {
  switch (row.type) {
    case "session":
      return <SessionLine row={row} state={state} />;
    case "traffic":
      return <TrafficLine row={row} state={state} />;
    case "connection":
      return <ConnectionLine row={row} state={state} />;
  }
}

/** Which process, for which tunnel, and where its services are. */
function SessionLine(props: {
  readonly row: Extract<SessionRow, { type: "session" }>;
  readonly state: State;
}) {
  const { session, command, pid } = props.row;
  const { colours, columns } = props.state;
  const { tunnelId, thing = "", listening, services, link } = session;
  const name = tunnelId === undefined ? thing : shortId(tunnelId);
  const where = (listening.length > 0 ? listening : services).filter((each) => each !== "").join(", ");
  const words = [
    columns < 40 ? shortCommand(command) : `${command} ${pid}`,
    name,
    link === "connected" ? "" : link,
    columns < 40 ? "" : where,
  ];
  return (
    <Line>
      <Piece tone={LINK_TONES[link]} colours={colours}>
        {link === "connected" ? "●" : "○"}
      </Piece>
      {` ${words.filter((word) => word !== "").join(" ")}`}
    </Line>
  );
}

function TrafficLine(props: {
  readonly row: Extract<SessionRow, { type: "traffic" }>;
  readonly state: State;
}) {
  const { session, rates } = props.row;
  const { columns } = props.state;
  const { heldConnections = 0, queuedBytes, reconnects, bytesToTunnel, bytesFromTunnel } = session;
  if (columns < 40) return <Line>{`  ${rateText(rates, columns)}`}</Line>;
  const facts = [
    `${rateText(rates, columns)} ↑${formatBytes(bytesToTunnel)} ↓${formatBytes(bytesFromTunnel)}`,
    ...(heldConnections === 0 ? [] : [`${heldConnections} held`]),
    roundTrips(session, columns),
    `queue ${formatBytes(queuedBytes)}`,
    `${reconnects} ${reconnects === 1 ? "reconnect" : "reconnects"}`,
  ];
  return <Line>{`  ${facts.join(", ")}`}</Line>;
}

function ConnectionLine(props: {
  readonly row: Extract<SessionRow, { type: "connection" }>;
  readonly state: State;
}) {
  const { connection, rates } = props.row;
  const { now, columns } = props.state;
  const { service, connectionId, openedAt, isHeld, bytesToTunnel, bytesFromTunnel } = connection;
  if (columns < 40) return <Line>{`  ${connectionId} ${rateText(rates, columns)}`}</Line>;
  const name = fit(`${service === "" ? "connection" : service} ${connectionId}`, 14);
  const bytes = `↑${formatBytes(bytesToTunnel).padEnd(7)} ↓${formatBytes(bytesFromTunnel).padEnd(7)}`;
  const rate = isHeld ? "held" : rateText(rates, columns);
  return <Line>{`  ${name} ${fit(formatAge(now - openedAt), 6)} ${bytes} ${rate}`}</Line>;
}

/** To the service, and where it is known to the other side: that one alone where there is no room for both. */
function roundTrips({ roundTripMs, endToEndMs }: SessionStatus, columns: number): string {
  const toService = `round trip ${formatRoundTrip(roundTripMs)}`;
  if (endToEndMs === undefined) return toService;
  const toEnd = `end to end ${formatRoundTrip(endToEndMs)}`;
  return columns < 100 ? toEnd : `${toService}, ${toEnd}`;
}

function rateText(rates: readonly number[], columns: number): string {
  const bars = sparkline(rates, columns < 40 ? 0 : columns < 76 ? 8 : 16);
  return `${bars}${bars === "" ? "" : " "}${formatBytes(rates.at(-1) ?? 0)}/s`;
}

/** `source` for `proxy source`: the last word tells most. */
function shortCommand(command: string): string {
  return command.split(" ").at(-1) ?? command;
}
