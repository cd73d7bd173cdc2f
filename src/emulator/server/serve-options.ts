import { isIP } from "node:net";
import { UsageError } from "../../base/errors.ts";
import { isLoopback } from "../../base/host-names.ts";
import { isRegion } from "../../base/names.ts";
import type { InjectedFault } from "../faults/injected-fault.ts";
import type { BrokerAddress } from "../notify/external-broker.ts";
import type { ListenAddress } from "./bind.ts";

/** What serve-local is told. */
export interface ServeOptions {
  /** Loopback address, or localhost, and port; port 0 takes a free one. */
  readonly listen: ListenAddress;
  /** `ephemeral` keeps tunnels in memory and the rest in a directory that goes when the emulator stops. */
  readonly state: { readonly type: "directory"; readonly path: string } | { readonly type: "ephemeral" };
  readonly region: string;
  /** 12 digits, part of every ARN. */
  readonly accountId: string;
  /** DNS names, besides localhost, under which clients reach the emulator. */
  readonly hosts: readonly string[];
  /** Web origins whose pages may connect to the data plane by cookie. */
  readonly allowOrigins: readonly string[];
  /** Calls of the control plane have to be signed with the key in endpoint.json. */
  readonly isPrivate?: boolean | undefined;
  /** What goes wrong on purpose. */
  readonly faults?: readonly InjectedFault[] | undefined;
  /** AWS's bounds on bandwidth, connections and calls hold. */
  readonly hasQuota?: boolean | undefined;
  /** How devices are notified; absent: not at all. */
  readonly mqtt?: MqttOptions | undefined;
}

/** The embedded broker, on a loopback address, or another one. */
export type MqttOptions =
  | { readonly type: "embedded"; readonly listen: ListenAddress }
  | { readonly type: "external"; readonly broker: BrokerAddress };

/** Refuses, with a UsageError, what the emulator cannot be given. */
export function checkServeOptions(options: ServeOptions): void {
  checkListen("--listen", options.listen, 8443);
  if (options.mqtt?.type === "embedded") checkListen("--mqtt-listen", options.mqtt.listen, 8883);
  if (!/^\d{12}$/.test(options.accountId)) {
    throw new UsageError(
      `--account-id "${options.accountId}" does not have 12 digits`,
      "--account-id 000000000000",
    );
  }
  if (!isRegion(options.region)) {
    throw new UsageError(`--region "${options.region}" is not written like a region`, "--region us-east-1");
  }
  const wrongHost = options.hosts.find((name) => !isDnsName(name));
  if (wrongHost !== undefined) {
    throw new UsageError(`--host "${wrongHost}" is not a DNS name`, "--host data.tunneling.example.test");
  }
}

function checkListen(flag: string, { host, port }: ListenAddress, usual: number): void {
  const hint = `${flag} 127.0.0.1:${usual}`;
  if (!isLoopback(host)) {
    const reason = "without --auth serve-local takes calls of this machine only";
    throw new UsageError(`${flag} "${host}" is not a loopback address; ${reason}`, hint);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError(`${flag} port "${port}" is not between 0 and 65535`, hint);
  }
}

/** Names in certificates and, with the addresses, in the Host header. */
export function serverNames(options: ServeOptions): {
  readonly names: string[];
  readonly addresses: string[];
} {
  const { listen, mqtt } = options;
  const listened = [listen.host, ...(mqtt?.type === "embedded" ? [mqtt.listen.host] : [])];
  return {
    names: [...new Set(["localhost", ...options.hosts.map((name) => name.toLowerCase())])],
    addresses: [...new Set(["127.0.0.1", "::1", ...listened.filter((host) => isIP(host) !== 0)])],
  };
}

function isDnsName(name: string): boolean {
  return name.length <= 253 && /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z][a-z0-9-]{0,62}$/i.test(name);
}
