import type { State } from "../state.ts";
import { Line, Piece } from "./line.tsx";

/** The first line: what is watched, and whether the control plane answers. */
export function Header({ state }: { readonly state: State }) {
  const { title, colours, pollFailure, isLoaded, hasControlPlane, filter, tunnels } = state;
  return (
    <Line>
      <Piece tone="strong" colours={colours}>
        {title}
      </Piece>
      {hasControlPlane && isLoaded && ` · ${tunnels.length} ${tunnels.length === 1 ? "tunnel" : "tunnels"}`}
      {filter !== "" && ` · filter: ${filter}`}
      {pollFailure !== undefined && (
        <Piece tone="warn" colours={colours}>
          {` · ${pollFailure}`}
        </Piece>
      )}
      {hasControlPlane && !isLoaded && pollFailure === undefined && " · asking…"}
    </Line>
  );
}
