import { getLogger } from "../../base/log.ts";
import type { KeyPair } from "../authority.ts";
import { nameOf } from "../bind.ts";
import type { Endpoint } from "../endpoint-file.ts";
import type { ServeOptions } from "../serve-options.ts";
import type { Tunnels } from "../tunnels.ts";
import { notifyDevices } from "./notifier.ts";
import { takeDeviceAuthority, thingsDirectory } from "./things.ts";

/** What keeps devices informed, until `close`. */
interface Notifying {
  /** What devices of this machine have to know. */
  readonly endpoint: Pick<Endpoint, "mqtt" | "things">;
  readonly close: () => Promise<void>;
}

/** Notifies devices as `options.mqtt` says. Throws ListenError, and ConfigError for certificates it cannot read. */
export async function startNotifying(
  { mqtt, region }: ServeOptions,
  emulator: { readonly tunnels: Tunnels; readonly stateDirectory: string; readonly server: KeyPair },
): Promise<Notifying> {
  if (mqtt === undefined) {
    return { endpoint: {}, close: async () => {} };
  }
  const { startBroker } = await import("./broker.ts");
  const log = getLogger("notify");
  const things = thingsDirectory(emulator.stateDirectory);
  const broker = await startBroker({
    listen: mqtt.listen,
    server: emulator.server,
    deviceAuthority: (await takeDeviceAuthority(emulator.stateDirectory)).certificate,
    things,
    log,
  });
  const stop = notifyDevices(emulator.tunnels, broker, { region, log });
  return {
    endpoint: { mqtt: `${nameOf(mqtt.listen.host)}:${broker.port}`, things },
    close: () => {
      stop();
      return broker.close();
    },
  };
}
