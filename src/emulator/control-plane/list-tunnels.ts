import type { Timestamp, TunnelSummary } from "../../aws/shapes.ts";
import type { TunnelRecord } from "../store/store.ts";
import { validationFault } from "../tunnels/fault.ts";
import { toTimestamp } from "./describe-tunnel.ts";
import { THING_NAME } from "./members.ts";
import type { Operation } from "./operation.ts";

const MAX_PAGE = 100;

/** Newest first. Without maxResults a page is as long as it can be: a client that does not page sees the most. */
export const listTunnels: Operation<"ListTunnels"> = {
  input: {
    type: "structure",
    members: {
      thingName: THING_NAME,
      maxResults: { type: "integer", min: 1, max: MAX_PAGE },
      nextToken: { type: "string", pattern: "[a-zA-Z0-9_=-]{1,4096}" },
    },
  },
  run({ thingName, maxResults = MAX_PAGE, nextToken }, tunnels) {
    const before = nextToken === undefined ? undefined : decodeNextToken(nextToken);
    const found = tunnels.list({ thingName, before, limit: maxResults + 1 });
    const page = found.slice(0, maxResults);
    const last = page.at(-1);
    return {
      tunnelSummaries: page.map(({ tunnel }) => toSummary(tunnel)),
      nextToken:
        found.length > page.length && last !== undefined ? encodeNextToken(last.sequence) : undefined,
    };
  },
};

function toSummary(record: TunnelRecord): TunnelSummary<Timestamp> {
  return {
    tunnelId: record.tunnelId,
    tunnelArn: record.tunnelArn,
    status: record.status,
    description: record.description,
    createdAt: toTimestamp(record.createdAt),
    lastUpdatedAt: toTimestamp(record.lastUpdatedAt),
  };
}

/** Holds the place of the page's last tunnel, so tunnels opened or deleted meanwhile do not shift the next page. */
function encodeNextToken(sequence: number): string {
  return Buffer.from(`before:${sequence}`).toString("base64url");
}

function decodeNextToken(nextToken: string): number {
  const text = Buffer.from(nextToken, "base64url").toString("latin1");
  const sequence = /^before:(\d{1,15})$/.exec(text)?.[1];
  if (sequence === undefined) throw validationFault("nextToken is not one that ListTunnels returned");
  return Number(sequence);
}
