import type { ControlPlane } from "../aws/control-plane.ts";
import type { Env } from "../base/env.ts";
import type { Logger } from "../base/log.ts";
import type { DataPlane, ProxyEvent } from "../proxy/options.ts";
import type { StatusBoard } from "../proxy/status.ts";
import type { ServiceFacts } from "./meeting-point.ts";
import type { ConnectEvent, ConnectRequest } from "./request.ts";

/** What the use of a tunnel needs, and whom it tells. */
export interface UseOptions {
  readonly request: ConnectRequest;
  readonly facts: ServiceFacts;
  /** Both planes, for the process that needs them. Whoever made the control plane closes it. */
  readonly controlPlane: () => Promise<ControlPlane>;
  readonly dataPlane: () => Promise<DataPlane>;
  readonly env: Env;
  readonly log: Logger;
  /** What to do when the device does not come. */
  readonly hint: string;
  readonly onEvent: (event: ConnectEvent) => void;
  readonly onProxyEvent: (event: ProxyEvent) => void;
  /** The process is done but for others: lets go of what it holds, and returns what ends the wait for them. */
  readonly onOthersOnly: () => AbortSignal;
  /** Where a source of our own tells how it goes, for whoever watches. */
  readonly board: StatusBoard;
  readonly signal: AbortSignal;
}
