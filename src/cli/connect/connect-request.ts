import { UsageError } from "../../base/errors.ts";
import type { SocketAddress } from "../../net/tcp.ts";
import type { ConnectRequest } from "../../operator/request.ts";
import type { AddressMap } from "../../proxy/options.ts";
import { parseServiceMap } from "../../proxy/service-map.ts";
import type { CommandContext } from "../words/command.ts";
import { deviceOf, reachingOf } from "./device-request.ts";

const EXAMPLE = "tunnel connect --thing pump-7 --service SSH";

/** What the options ask for. Throws UsageError. */
export function requestOf({ settings, rest }: CommandContext): ConnectRequest {
  const device = deviceOf(settings, "tunnel connect", "connect to which device?");
  if (rest?.length === 0) throw new UsageError("no command after --", `${EXAMPLE} -- CMD…`);
  if (settings.get("stdio") && (rest !== undefined || settings.get("listenOn").length > 0)) {
    throw new UsageError("--stdio goes without -p and without a command", `${EXAMPLE} --stdio`);
  }
  if (settings.get("watch") && (settings.get("stdio") || rest !== undefined)) {
    throw new UsageError("--watch goes without a command and without --stdio", `${EXAMPLE} --watch`);
  }
  if (settings.get("open") && (settings.get("stdio") || rest !== undefined)) {
    throw new UsageError("--open goes without a command and without --stdio", `${EXAMPLE} --open`);
  }
  return {
    ...device,
    ...reachingOf(settings),
    clientType: settings.get("clientType"),
  };
}

/** Where to listen: what -p says, else a free port. Throws UsageError. */
export function addressOf(service: string, { settings, rest }: CommandContext): SocketAddress {
  const texts = settings.get("listenOn");
  const map = listenMap(texts.length === 0 ? "0" : texts.join(","));
  const address = map.get(service) ?? map.get("");
  if (address === undefined || map.size > 1) {
    throw new UsageError(`-p ${texts.join(",")}: one address, for ${service}`, `${EXAMPLE} -p 2222`);
  }
  if (rest !== undefined && address.type === "unix") {
    throw new UsageError("a command gets a port, not a Unix socket", `${EXAMPLE} -p 2222 -- CMD…`);
  }
  if (settings.get("open") && address.type === "unix") {
    throw new UsageError("a browser needs a port, not a Unix socket", `${EXAMPLE} -p 8080 --open`);
  }
  return address.type === "tcp" ? { ...address, host: address.host ?? settings.get("bind") } : address;
}

/** The reason is the one that a proxy gives; what to type next is a connect. */
function listenMap(text: string): AddressMap {
  try {
    return parseServiceMap(text, "source");
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(error.message, `${EXAMPLE} -p 2222`) : error;
  }
}
