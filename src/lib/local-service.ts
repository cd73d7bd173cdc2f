import { readFileSync } from "node:fs";
import type { Keys } from "../aws/credentials/keys.ts";
import type { OpenTunnelResponse } from "../aws/shapes.ts";
import { ConfigError } from "../base/errors.ts";
import { addThing } from "../emulator/notify/things.ts";
import type { Endpoint } from "../emulator/server/endpoint-file.ts";
import { emulatorEnvironment } from "../operator/emulator-environment.ts";
import type { BrokerIdentity } from "./agent-session.ts";
import { type ControlPlaneClient, createControlPlane } from "./control-plane.ts";

/** What a tunnel of the emulator is opened with. */
export interface LocalTunnelOptions {
  /** Ids of what is reached through it, three at most; absent: a tunnel without a destination configuration. */
  readonly services?: readonly string[] | undefined;
  /** The thing whose device is told of it; needs `services`. */
  readonly thing?: string | undefined;
  /** Minutes until it is closed, 1 to 720; absent: 720. */
  readonly lifetimeMinutes?: number | undefined;
  readonly description?: string | undefined;
}

/** A TLS server of the emulator: a `ServerAddress` with everything said. */
export interface LocalServer {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly ca: readonly string[];
}

/** The emulator's control plane: `ControlPlaneOptions` with everything said. */
export interface LocalControlPlane {
  readonly region: string;
  readonly endpointUrl: string;
  /** Any will do, unless it is private. */
  readonly credentials: Keys;
  /** PEM. */
  readonly ca: readonly string[];
}

/** What this stands on. */
interface ServedEmulator {
  readonly endpoint: Endpoint;
  readonly stateDirectory: string;
  readonly close: () => Promise<void>;
}

/** The whole service on this machine, offline. Made by `serveLocal`; leaving the scope of `await using` stops it. */
export class LocalService implements AsyncDisposable {
  readonly region: string;
  /** 12 digits, part of every ARN. */
  readonly accountId: string;
  /** Its certificate authority, PEM. */
  readonly ca: string;
  /** What `createControlPlane` takes to call it. */
  readonly controlPlane: LocalControlPlane;
  /** What `openProxy` and `startAgent` take to connect to it. */
  readonly dataPlane: LocalServer;
  /** The MQTT broker that tells devices of their tunnels; absent where none was wanted. */
  readonly mqtt: LocalServer | undefined;
  /** Absolute path; gone after `close` unless one was given. */
  readonly stateDirectory: string;
  readonly #emulator: ServedEmulator;
  #client: ControlPlaneClient | undefined;

  constructor(emulator: ServedEmulator) {
    const { endpoint, stateDirectory } = emulator;
    this.#emulator = emulator;
    this.region = endpoint.region;
    this.accountId = endpoint.accountId;
    this.stateDirectory = stateDirectory;
    this.ca = readFileSync(endpoint.ca, "utf8");
    this.controlPlane = {
      region: endpoint.region,
      endpointUrl: endpoint.controlPlane,
      credentials: endpoint.credentials ?? { accessKeyId: "local", secretAccessKey: "local" },
      ca: [this.ca],
    };
    this.dataPlane = this.#server(endpoint.dataPlane);
    this.mqtt = endpoint.mqtt === undefined ? undefined : this.#server(endpoint.mqtt);
  }

  /** Opens a tunnel, with the tokens of both sides. @throws ServiceError for what the service would refuse as well */
  async openTunnel(options: LocalTunnelOptions = {}): Promise<OpenTunnelResponse> {
    this.#client ??= createControlPlane(this.controlPlane);
    const { services, thing: thingName, lifetimeMinutes, description } = options;
    const wantsDestination = services !== undefined || thingName !== undefined;
    return this.#client.openTunnel({
      description,
      ...(wantsDestination ? { destinationConfig: { services: services ?? [], thingName } } : {}),
      ...(lifetimeMinutes === undefined
        ? {}
        : { timeoutConfig: { maxLifetimeTimeoutMinutes: lifetimeMinutes } }),
    });
  }

  /**
   * Lets the device of a thing in at the broker, and gives what `startAgent` takes to connect there.
   * @throws UsageError for a name that no thing can have, ConfigError where there is no broker
   */
  async addThing(name: string): Promise<BrokerIdentity> {
    if (this.mqtt === undefined) {
      throw new ConfigError("this service has no MQTT broker", { hint: "leave out mqtt: false" });
    }
    const { certificatePath, keyPath } = await addThing(this.stateDirectory, name);
    const [certificate, privateKey] = [certificatePath, keyPath].map((path) => readFileSync(path, "utf8"));
    return { ...this.mqtt, certificate: certificate ?? "", privateKey: privateKey ?? "" };
  }

  /**
   * An environment in which other programs, such as the AWS CLI, SDKs, the reference proxy and `tunnel`, talk to it: `base`
   * with its variables, and without those that would lead elsewhere or carry real credentials.
   * @throws ConfigError where the bundle of certificates cannot be written
   */
  environment(base: Readonly<Record<string, string | undefined>> = process.env): Record<string, string> {
    const facts = { mqtt: undefined, credentials: undefined, ...this.#emulator.endpoint };
    const { set, unset } = emulatorEnvironment({ ...facts, stateDir: this.stateDirectory }, base);
    const kept = Object.entries(base).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !unset.includes(entry[0]),
    );
    return { ...Object.fromEntries(kept), ...set };
  }

  /** Ends every connection. Tunnels are gone, or stay in the state directory that was given. */
  async close(): Promise<void> {
    this.#client?.close();
    await this.#emulator.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #server(authority: string): LocalServer {
    const { hostname, port } = new URL(`https://${authority}`);
    return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 443), ca: [this.ca] };
  }
}
