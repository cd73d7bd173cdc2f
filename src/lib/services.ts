import { UsageError } from "../base/errors.ts";
import type { AddressMap, Side } from "../proxy/options.ts";
import { parseServiceMap } from "../proxy/service-map.ts";

/**
 * Where each service of a tunnel is reached on this machine: a port of 127.0.0.1, `"HOST:PORT"`, `"[IPV6]:PORT"` or the
 * path of a Unix socket. A source listens there, and port 0 takes a free one; a destination dials it. The name `""`
 * stands for the only service of a tunnel.
 */
export type ServiceAddresses = Readonly<Record<string, number | string>>;

/** @throws UsageError naming the entry that cannot be used */
export function addressesOf(services: ServiceAddresses, mode: Side): AddressMap {
  const entries = Object.entries(services).map(([service, address]) =>
    service === "" ? `${address}` : `${service}=${address}`,
  );
  const hint = `services: { SSH: ${mode === "source" ? 2222 : '"localhost:22"'} }`;
  if (entries.length === 0) throw new UsageError("services is empty: which service goes where?", hint);
  try {
    const map = parseServiceMap(entries.join(","), mode);
    if (map.size === entries.length) return map;
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(error.message, hint) : error;
  }
  throw new UsageError("services: an address is one address, without a comma", hint);
}
