import { join } from "node:path";
import { getLogger, type Logger } from "../../base/log.ts";
import type { Identity } from "../certificates/authority.ts";
import { type ListenAddress, nameOf } from "../server/bind.ts";
import type { Endpoint } from "../server/endpoint-file.ts";
import type { ServeOptions } from "../server/serve-options.ts";
import { KEEPS_NOTHING, type SessionStore } from "../store/session-store.ts";
import type { Tunnels } from "../tunnels/tunnels.ts";
import type { BrokerAddress } from "./external-broker.ts";
import { type Notifier, notifyDevices } from "./notifier.ts";
import { takeDeviceAuthority, thingsDirectory } from "./things.ts";

/** What devices of this machine have to know. */
type DeviceEndpoint = Pick<Endpoint, "mqtt" | "things">;

/** What keeps devices informed, until `close`. */
interface Notifying {
  readonly endpoint: DeviceEndpoint;
  readonly close: () => Promise<void>;
}

interface Emulator {
  readonly tunnels: Tunnels;
  readonly stateDirectory: string;
  /** Nothing outlives it. */
  readonly isEphemeral: boolean;
  readonly server: Identity;
}

/** Notifies devices as `options.mqtt` says. Throws ListenError, and ConfigError for certificates it cannot read. */
export async function startNotifying({ mqtt, region }: ServeOptions, emulator: Emulator): Promise<Notifying> {
  if (mqtt === undefined) return { endpoint: {}, close: async () => {} };
  const log = getLogger("notify");
  const { notifier, endpoint } =
    mqtt.type === "embedded"
      ? await serveBroker(mqtt.listen, emulator, log)
      : await connectBroker(mqtt.broker, log);
  const stop = notifyDevices(emulator.tunnels, notifier, { region, log });
  return {
    endpoint,
    close: () => {
      stop();
      return notifier.close();
    },
  };
}

interface Started {
  readonly notifier: Notifier;
  readonly endpoint: DeviceEndpoint;
}

async function serveBroker(
  listen: ListenAddress,
  { stateDirectory, isEphemeral, server }: Emulator,
  log: Logger,
): Promise<Started> {
  const { startBroker } = await import("./broker.ts");
  const { certificate: deviceAuthority } = await takeDeviceAuthority(stateDirectory);
  const things = thingsDirectory(stateDirectory);
  const sessions = isEphemeral ? KEEPS_NOTHING : await openSessions(join(stateDirectory, "sessions.db"), log);
  const broker = await startBroker({ listen, server, deviceAuthority, things, sessions, log });
  return { notifier: broker, endpoint: { mqtt: `${nameOf(listen.host)}:${broker.port}`, things } };
}

/** Only here is SQLite needed, which not every runtime has. */
async function openSessions(path: string, log: Logger): Promise<SessionStore> {
  const { SqliteSessionStore } = await import("../store/sqlite-sessions.ts");
  return new SqliteSessionStore(path, log);
}

async function connectBroker(address: BrokerAddress, log: Logger): Promise<Started> {
  const { ExternalBroker } = await import("./external-broker.ts");
  return { notifier: new ExternalBroker(address, log), endpoint: {} };
}
