// Which broker an agent connects to, and how it shows who it is.

import tls from "node:tls";
import type {
  BrokerAccess,
  BrokerAddress,
  BrokerConnection,
  DeviceIdentity,
} from "../agent/broker-stream.ts";
import { ConfigError, UsageError } from "../base/errors.ts";
import { readRegularFile } from "../base/regular-file.ts";
import { webProxyFor } from "../net/web-proxy.ts";
import type { CommandContext } from "./command.ts";
import type { Target } from "./target.ts";

/** A chain of certificates, or a key, has a few kilobytes. */
const MAX_PEM_BYTES = 64 * 1024;

/** Files of a device's identity. */
interface IdentityPaths {
  readonly cert: string;
  readonly key: string;
}

/** The broker that the settings name. Throws UsageError or ConfigError; certificate and key are read once, to be sure. */
export async function brokerOf(
  thing: string,
  region: string,
  target: Target,
  context: CommandContext,
): Promise<BrokerConnection> {
  const { settings } = context;
  const paths = await identityPaths(thing, target, context);
  const { local } = target;
  const given =
    local === undefined ? settings.get("mqttEndpoint") : (settings.fromFlag("mqttEndpoint") ?? local.mqtt);
  if (local !== undefined && given === undefined) throw withoutBroker(local.stateDir);
  const transport = settings.get("mqttTransport") ?? defaultTransport(paths, given?.port);
  if (transport === "websocket") {
    if (target.local !== undefined)
      throw new UsageError("the broker of a serve-local takes certificates only");
    return signedBroker(region, target, given, context);
  }
  if (paths === undefined) {
    throw new UsageError(
      `--mqtt-transport ${transport} needs the device's certificate`,
      "--cert FILE --key FILE",
    );
  }
  readIdentity(paths);
  const port = given?.port ?? (transport === "alpn" ? 443 : 8883);
  const access: BrokerAccess = {
    type: "certificate",
    alpn: transport === "alpn",
    identity: () => readIdentity(paths),
  };
  return { address: await addressOf(given?.host, port, region, target, context), access };
}

function defaultTransport(
  paths: IdentityPaths | undefined,
  port: number | undefined,
): "tls" | "alpn" | "websocket" {
  if (paths === undefined) return "websocket";
  return port === 443 ? "alpn" : "tls";
}

async function identityPaths(
  thing: string,
  { local }: Target,
  { settings }: CommandContext,
): Promise<IdentityPaths | undefined> {
  const cert = settings.get("cert");
  const key = settings.get("key");
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key go together", "--cert FILE --key FILE");
  }
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (local === undefined) return undefined;
  if (local.mqtt === undefined) throw withoutBroker(local.stateDir);
  const { addThing } = await import("../emulator/notify/things.ts");
  const { certificatePath, keyPath } = await addThing(local.stateDir, thing);
  return { cert: certificatePath, key: keyPath };
}

function withoutBroker(stateDir: string): ConfigError {
  return new ConfigError(`the serve-local on "${stateDir}" has no MQTT broker of its own`, {
    hint: "start it without --no-mqtt and --mqtt-broker, or give --mqtt-endpoint, --cert and --key",
  });
}

/** Certificate and key as they are now. Throws ConfigError naming the file that cannot be read or does not fit. */
function readIdentity({ cert, key }: IdentityPaths): DeviceIdentity {
  const identity = { certificate: readText(cert), key: readText(key) };
  try {
    tls.createSecureContext({ cert: identity.certificate, key: identity.key });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`"${cert}" and "${key}" are no certificate and its key: ${reason}`, { cause });
  }
  return identity;
}

function readText(path: string): string {
  try {
    return readRegularFile(path, MAX_PEM_BYTES).toString("utf8");
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new ConfigError(`cannot read "${path}": ${reason}`, { cause, hint: "check --cert and --key" });
  }
}

async function signedBroker(
  region: string,
  target: Target,
  given: { readonly host: string; readonly port: number | undefined } | undefined,
  context: CommandContext,
): Promise<BrokerConnection> {
  const { signMqttPath } = await import("../aws/signed-request.ts");
  const credentials = await credentialsOf(target, context);
  const sign = ({ host, port }: BrokerAddress) =>
    signMqttPath({ host, port, region }, credentials, new Date());
  const address = await addressOf(given?.host, given?.port ?? 443, region, target, context);
  return { address, access: { type: "websocket", sign } };
}

async function credentialsOf(target: Target, { env }: CommandContext) {
  const { awsCredentials } = await import("../aws/signed-request.ts");
  const { RoutingAgent } = await import("../net/routing-agent.ts");
  const agent = new RoutingAgent(target.ca, env) as unknown as Parameters<typeof awsCredentials>[1];
  return awsCredentials(target.profile ?? env["AWS_PROFILE"], agent);
}

/** The broker's address: as given, or looked up at the first attempt that gets through. */
async function addressOf(
  host: string | undefined,
  port: number,
  region: string,
  target: Target,
  context: CommandContext,
): Promise<BrokerConnection["address"]> {
  const complete = (name: string): BrokerAddress => ({
    host: name,
    port,
    ca: target.ca,
    webProxy: webProxyFor(name, port, context.env),
  });
  if (host !== undefined) return async () => complete(host);
  let found: string | undefined;
  return async (signal) => {
    const { lookUpBroker } = await import("./broker-lookup.ts");
    found ??= await lookUpBroker(
      region,
      await credentialsOf(target, context),
      target.ca,
      context.env,
      signal,
    );
    return complete(found);
  };
}
