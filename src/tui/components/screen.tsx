import { Box } from "ink";
import { layoutOf, selectedTunnel } from "../select.ts";
import type { State } from "../state.ts";
import { EventLog } from "./event-log.tsx";
import { Header } from "./header.tsx";
import { Footer, Help } from "./key-help.tsx";
import { SessionList } from "./session-list.tsx";
import { TunnelDetails } from "./tunnel-details.tsx";
import { TunnelTable } from "./tunnel-table.tsx";

/** Everything that is on the screen. */
export function Screen({ state }: { readonly state: State }) {
  return (
    <Box flexDirection="column" width={state.columns} height={Math.max(1, state.rows - 1)} overflow="hidden">
      <Header state={state} />
      {state.screen.type === "help" ? <Help state={state} /> : <Parts state={state} />}
      <Box flexGrow={1} />
      <Footer state={state} />
    </Box>
  );
}

function Parts({ state }: { readonly state: State }) {
  const layout = layoutOf(state);
  const tunnel = selectedTunnel(state);
  return (
    <>
      {state.hasControlPlane && <TunnelTable state={state} rows={layout.tunnels} />}
      {layout.hasDetails && tunnel !== undefined && <TunnelDetails tunnel={tunnel} state={state} />}
      {layout.sessions > 0 && <SessionList state={state} rows={layout.sessions} />}
      {layout.events > 0 && <EventLog state={state} rows={layout.events} />}
    </>
  );
}
