// One side of a tunnel in this process.
//
//     await using proxy = await openProxy({ mode: "source", region, accessToken, services: { SSH: 0 } });
//     proxy.on("connection-closed", ({ bytesFromTunnel }) => console.log(bytesFromTunnel));
//     connect(proxy.port("SSH"), "127.0.0.1");

import { ProxySession, type ProxySessionOptions } from "./proxy-session.ts";
import { whenReady } from "./running.ts";

export type { ConnectionStatus, LinkState, ProxyFacts } from "../proxy/facts.ts";
export type { ClientType, ProxyEnd, ProxyEvent, Side } from "../proxy/options.ts";
export type { CarryingOptions } from "./carrying.ts";
export type { DataPlaneChoice, ServerAddress } from "./places.ts";
export type {
  ListeningAddress,
  ProxySession,
  ProxySessionEvents,
  ProxySessionOptions,
} from "./proxy-session.ts";
export type { ServiceAddresses } from "./services.ts";

/**
 * Connects one side of a tunnel. Resolves when the data plane has let it in and, at a source, every service listens. It
 * then reconnects by itself for as long as the tunnel may live, 12 hours; `ended` tells of its end.
 * @throws UsageError for options that cannot be used, ConfigError for a region that there is not, HandshakeError when the
 * token is refused, ServiceIdsError when the tunnel has other services, ListenError for a port that is taken,
 * UnreachableError when nothing gets through, and the signal's reason when it was aborted
 */
export async function openProxy(options: ProxySessionOptions): Promise<ProxySession> {
  options.signal?.throwIfAborted();
  const session = new ProxySession(options);
  return whenReady(session, firstCarries(session), options.signal);
}

function firstCarries(session: ProxySession): Promise<void> {
  return new Promise((resolve) => {
    let services: readonly string[] | undefined;
    session.on("event", (event) => {
      if (event.event === "connected") services = event.services;
      if (services === undefined) return;
      if (session.mode === "destination" || services.every((id) => session.listening.has(id))) resolve();
    });
  });
}
