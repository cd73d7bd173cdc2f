// The service on this machine, for tests: control plane, data plane and MQTT broker on free ports of loopback.
//
//     await using service = await serveLocal();
//     const { sourceAccessToken } = await service.openTunnel({ services: ["SSH"] });
//     await using proxy = await openProxy({ mode: "source", dataPlane: service.dataPlane, … });

import type { FaultKind } from "../emulator/faults/injected-fault.ts";
import { serve } from "../emulator/server/serve.ts";
import { LocalService } from "./local-service.ts";

export type { Keys } from "../aws/credentials/keys.ts";
export type { OpenTunnelResponse } from "../aws/shapes.ts";
export type { FaultKind } from "../emulator/faults/injected-fault.ts";
export type { BrokerIdentity } from "./agent-session.ts";
export type { LocalControlPlane, LocalServer, LocalService, LocalTunnelOptions } from "./local-service.ts";

/** Something that goes wrong on purpose. */
export interface LocalFault {
  readonly kind: FaultKind;
  /**
   * By kind: milliseconds from the start to `drop`, `expire` and `rotate`, milliseconds of a `delay`, bytes a second of a
   * `throttle`, the HTTP status of a `refuse` (400 to 599), the WebSocket code of a `close` (1000 to 4999).
   */
  readonly value: number;
  /** Milliseconds from the connection to a `close`; 0 by default. */
  readonly afterMs?: number | undefined;
  /** Share of connections, handshakes or tunnels that it befalls, from 0 to 1; 1 by default. */
  readonly rate?: number | undefined;
  /** Which of them: the same seed makes the same choice in the same order; 1 by default. */
  readonly seed?: number | undefined;
}

/** What `serveLocal` is told. */
export interface ServeLocalOptions {
  /** Keeps tunnels and certificates there, in SQLite (Node.js 22.5 or newer); absent: in memory, gone with `close`. */
  readonly stateDirectory?: string | undefined;
  /** Port on 127.0.0.1; a free one when absent or 0. */
  readonly port?: number | undefined;
  /** us-east-1 when absent. */
  readonly region?: string | undefined;
  /** 12 digits, part of every ARN; 000000000000 when absent. */
  readonly accountId?: string | undefined;
  /** No broker, and so no notification of devices, when false. */
  readonly mqtt?: boolean | undefined;
  /** Takes only calls that are signed with the key in `controlPlane.credentials`. */
  readonly isPrivate?: boolean | undefined;
  readonly faults?: readonly LocalFault[] | undefined;
  /** AWS's bounds on bandwidth, connections and calls hold. */
  readonly hasQuota?: boolean | undefined;
}

/**
 * Serves on loopback until it is closed. Resolves when it listens.
 * @throws UsageError for options that cannot be used, ConfigError for a state directory that cannot be, or that another
 * process uses, ListenError for a port that is taken
 */
export async function serveLocal(options: ServeLocalOptions = {}): Promise<LocalService> {
  const { stateDirectory } = options;
  const host = "127.0.0.1";
  const emulator = await serve({
    listen: { host, port: options.port ?? 0 },
    state: stateDirectory === undefined ? { type: "ephemeral" } : { type: "directory", path: stateDirectory },
    region: options.region ?? "us-east-1",
    accountId: options.accountId ?? "000000000000",
    hosts: [],
    allowOrigins: [],
    isPrivate: options.isPrivate,
    faults: options.faults?.map(completed),
    hasQuota: options.hasQuota,
    mqtt: options.mqtt === false ? undefined : { type: "embedded", listen: { host, port: 0 } },
  });
  return new LocalService(emulator);
}

function completed({ kind, value, afterMs = 0, rate = 1, seed = 1 }: LocalFault) {
  return { kind, value, afterMs, rate, seed, text: `${kind}=${value}` };
}
