import type { ConnectionState, Timestamp, Tunnel } from "../../aws/shapes.ts";
import type { SideRecord, TunnelRecord } from "../store/store.ts";
import { TUNNEL_ID } from "./members.ts";
import type { Operation } from "./operation.ts";

export const describeTunnel: Operation<"DescribeTunnel"> = {
  input: { type: "structure", required: ["tunnelId"], members: { tunnelId: TUNNEL_ID } },
  run({ tunnelId }, tunnels) {
    return { tunnel: toTunnel(tunnels.describe(tunnelId)) };
  },
};

function toTunnel(record: TunnelRecord): Tunnel<Timestamp> {
  return {
    tunnelId: record.tunnelId,
    tunnelArn: record.tunnelArn,
    status: record.status,
    sourceConnectionState: toConnectionState(record.source),
    destinationConnectionState: toConnectionState(record.destination),
    description: record.description,
    destinationConfig:
      record.services === undefined ? undefined : { thingName: record.thingName, services: record.services },
    timeoutConfig: { maxLifetimeTimeoutMinutes: record.lifetimeMinutes },
    tags: record.tags,
    createdAt: toTimestamp(record.createdAt),
    lastUpdatedAt: toTimestamp(record.lastUpdatedAt),
  };
}

function toConnectionState(side: SideRecord): ConnectionState<Timestamp> {
  return {
    status: side.isConnected ? "CONNECTED" : "DISCONNECTED",
    lastUpdatedAt: toTimestamp(side.changedAt),
  };
}

/** Milliseconds to the seconds with fraction of the wire. */
export function toTimestamp(timeMs: number): Timestamp {
  return timeMs / 1_000;
}
