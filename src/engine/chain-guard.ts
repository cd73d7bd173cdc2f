import type { ConnectionState } from "./stream-table.ts";

/** Connections that opened one after the other, each unanswered, before it is looked at whether they are a chain. */
const SUSPICIOUS_LENGTH = 64;
/** The next link of a chain comes this soon after the last one was opened on the wire. */
const NEXT_LINK_MS = 1_000;
/** A link is kept back for so long: nothing opens the next one meanwhile, if this is a chain … */
const HOLD_MS = 300;
/** … and so often, before it is said to be one. */
const HOLDS = 4;

interface Chain {
  readonly links: ConnectionState[];
  holds: number;
  /** Until then the last link is kept back. */
  heldUntil: number | undefined;
}

/**
 * Notices a tunnel that leads into itself: where the destination dials the source's own port, each connection opens the
 * next, and nothing ever comes back on any. Left alone it takes all descriptors of both ends. It is proved by holding
 * links back: in a chain nobody comes meanwhile, and the next one comes as soon as the link is let go. Milliseconds.
 */
export class ChainGuard {
  readonly #chains = new Map<string, Chain>();

  /** Why no more connections of a service are taken, or undefined. */
  refusal(serviceId: string): string | undefined {
    const chain = this.#chains.get(serviceId);
    if (chain === undefined || chain.holds < HOLDS || !chain.links.every(isSilent)) return undefined;
    if (chain.links.at(-1)?.stream === undefined) return undefined;
    return "the tunnel leads into itself: each connection opened the next, as the destination dials this proxy's own port; map the service elsewhere";
  }

  accepted(state: ConnectionState, now: number): void {
    const { serviceId } = state.connection;
    const chain = this.#chains.get(serviceId);
    if (chain === undefined || !isNextLink(chain, now)) {
      this.#chains.set(serviceId, { links: [state], holds: 0, heldUntil: undefined });
      return;
    }
    chain.links.push(state);
    if (chain.links.length <= SUSPICIOUS_LENGTH) return;
    chain.links.shift();
    chain.holds += 1;
    chain.heldUntil = now + HOLD_MS;
  }

  /** Whether a connection may be opened on the wire now. */
  mayStart(state: ConnectionState): boolean {
    const chain = this.#chains.get(state.connection.serviceId);
    return chain?.heldUntil === undefined || chain.links.at(-1) !== state;
  }

  tick(now: number): void {
    for (const chain of this.#chains.values()) {
      if (chain.heldUntil !== undefined && chain.heldUntil <= now) chain.heldUntil = undefined;
    }
  }

  deadline(): number | undefined {
    const times = [...this.#chains.values()].flatMap(({ heldUntil }) => heldUntil ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }
}

/** Whether what comes now may have been opened by the last link, and by nothing but a chain. */
function isNextLink({ links }: Chain, now: number): boolean {
  const last = links.at(-1);
  const isSoon = last?.lastSentAt !== undefined && now - last.lastSentAt <= NEXT_LINK_MS;
  return isSoon && last.stream !== undefined && links.every(isSilent);
}

function isSilent({ closed, ended, lastReceivedAt }: ConnectionState): boolean {
  return !closed && !ended && lastReceivedAt === undefined;
}
