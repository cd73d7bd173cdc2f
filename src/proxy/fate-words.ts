// What became of connections that lost their link, in words: the same in logs, on screens and for systemd.

import type { ProxyEvent } from "./options.ts";

export type FateEvent = Extract<ProxyEvent, { event: `connections-${string}` }>;

/** For people, without the service. */
export function fateWords(event: FateEvent): string {
  const connections = countOf(event.connections);
  switch (event.event) {
    case "connections-held":
      return `held: ${connections}, ${event.isLinkDown ? "the link is down" : "the other side is away"}`;
    case "connections-resumed":
      return `resumed: ${connections} after ${secondsOf(event.afterMs)}, nothing lost`;
    case "connections-lost":
      return `lost: ${connections}, ${event.reason}`;
  }
}

/** Why there is no link, and what becomes of the connections that it had. */
export function disconnectedWords({
  reason,
  retryInMs,
  heldConnections,
}: {
  readonly reason: string;
  readonly retryInMs: number;
  readonly heldConnections: number;
}): string {
  const next = `next try in ${secondsOf(retryInMs)}`;
  if (heldConnections === 0) return `disconnected: ${reason}; ${next}`;
  return `held: ${countOf(heldConnections)}, the link is down: ${reason} (${next})`;
}

/** That a proxy goes on with another access token. */
export function renewedWords({ heldConnections }: { readonly heldConnections: number }): string {
  const held = heldConnections === 0 ? "" : `; held: ${countOf(heldConnections)}`;
  return `the access token was replaced: going on with the newer one that is kept for this tunnel${held}`;
}

function countOf(connections: number): string {
  return `${connections} ${connections === 1 ? "connection" : "connections"}`;
}

function secondsOf(milliseconds: number): string {
  return `${Math.ceil(milliseconds / 100) / 10} s`;
}
