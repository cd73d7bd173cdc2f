// A tunnel as the control plane tells it, in the words of the screen.

/** One side of a tunnel; `since` in milliseconds since 1970. */
export interface SideView {
  readonly isConnected: boolean;
  readonly since?: number | undefined;
}

/** What is known of a tunnel. A list tells its id, status, description and opening only; the rest comes one by one. */
export interface TunnelView {
  readonly tunnelId: string;
  readonly isOpen: boolean;
  readonly description?: string | undefined;
  readonly thing?: string | undefined;
  readonly services?: readonly string[] | undefined;
  readonly source?: SideView | undefined;
  readonly destination?: SideView | undefined;
  /** Milliseconds since 1970, as are the others. */
  readonly openedAt?: number | undefined;
  readonly endsAt?: number | undefined;
  /** When the source's access token that is kept here was made. */
  readonly tokenSavedAt?: number | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** Ids are UUIDs: eight digits tell those of one list apart. */
export function shortId(tunnelId: string): string {
  return tunnelId.slice(0, 8);
}

/** Adds what is new to what was known; a list's entry does not take away the details. */
export function mergeTunnel(before: TunnelView | undefined, after: TunnelView): TunnelView {
  const known = Object.fromEntries(Object.entries(after).filter(([, value]) => value !== undefined));
  return { ...before, ...known } as TunnelView;
}

/** Sentences about what changed, each without the tunnel's name; none for what is seen for the first time. */
export function tunnelChanges(before: TunnelView, after: TunnelView): readonly string[] {
  const changes: string[] = [];
  if (before.isOpen !== after.isOpen) changes.push(after.isOpen ? "open" : "closed");
  for (const side of ["source", "destination"] as const) {
    const [was, is] = [before[side]?.isConnected, after[side]?.isConnected];
    if (is !== undefined && was !== undefined && was !== is) {
      changes.push(`${side} ${is ? "connected" : "disconnected"}`);
    }
  }
  return changes;
}
