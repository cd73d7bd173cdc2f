// The device side: waits at a broker for notifications of tunnels, and connects to each by itself.
//
//     await using agent = await startAgent({ thing: "pump-7", region, services: { SSH: 22 }, broker });
//     agent.on("session-ended", ({ reason, bytesToTunnel }) => console.log(reason, bytesToTunnel));

import { AgentSession, type AgentSessionOptions } from "./agent-session.ts";
import { whenReady } from "./running.ts";

export type { AgentEvent, SessionAudit, SessionEndReason } from "../agent/agent-types.ts";
export type {
  AgentSession,
  AgentSessionEvents,
  AgentSessionOptions,
  BrokerIdentity,
} from "./agent-session.ts";
export type { CarryingOptions } from "./carrying.ts";
export type { DataPlaneChoice, ServerAddress } from "./places.ts";
export type { ServiceAddresses } from "./services.ts";

/**
 * Starts an agent. Resolves when the broker has taken its subscription; until then and after a lost connection it tries
 * again without end, so abort its signal to give up.
 * @throws UsageError for options that cannot be used, ConfigError for a state directory that cannot, TunnelError ERR_LIMIT
 * while another agent uses it, and the signal's reason when it was aborted
 */
export async function startAgent(options: AgentSessionOptions): Promise<AgentSession> {
  options.signal?.throwIfAborted();
  const session = new AgentSession(options);
  const isSubscribed = new Promise<void>((resolve) => session.once("subscribed", () => resolve()));
  return whenReady(session, isSubscribed, options.signal);
}
