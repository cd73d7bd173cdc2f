// Which broker an agent connects to, and how it shows who it is.

import type { BrokerAccess, BrokerConnection } from "../../agent/broker-stream.ts";
import type { CredentialSource } from "../../aws/credentials/keys.ts";
import { ConfigError, CredentialsError, UsageError } from "../../base/errors.ts";
import type { Remote } from "../../net/transport.ts";
import { webProxyFor } from "../../net/web-proxy.ts";
import { agentFor, awsUrl, credentialsOf, type Target } from "../target/target.ts";
import type { CommandContext } from "../words/command.ts";
import { type IdentityPaths, identityWarnings, readIdentity } from "./identity-files.ts";

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
    if (target.local !== undefined) {
      throw new UsageError("the broker of a serve-local takes certificates only");
    }
    return signedBroker(region, target, given, context);
  }
  if (paths === undefined) {
    throw new UsageError(
      `--mqtt-transport ${transport} needs the device's certificate`,
      "--cert FILE --key FILE",
    );
  }
  for (const message of identityWarnings(paths, context.env, Date.now())) {
    context.log.warn("{message}", { message });
  }
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
  const { addThing } = await import("../../emulator/notify/things.ts");
  const { certificatePath, keyPath } = await addThing(local.stateDir, thing);
  return { cert: certificatePath, key: keyPath };
}

function withoutBroker(stateDir: string): ConfigError {
  return new ConfigError(`the serve-local on "${stateDir}" has no MQTT broker of its own`, {
    hint: "start it without --no-mqtt and --mqtt-broker, or give --mqtt-endpoint, --cert and --key",
  });
}

async function signedBroker(
  region: string,
  target: Target,
  given: { readonly host: string; readonly port: number | undefined } | undefined,
  context: CommandContext,
): Promise<BrokerConnection> {
  const { signMqttPath } = await import("../../aws/signed-request.ts");
  const credentials = await brokerCredentials(target, context);
  const sign = ({ host, port }: Remote) => signMqttPath({ host, port, region }, credentials, new Date());
  const address = await addressOf(given?.host, given?.port ?? 443, region, target, context);
  return { address, access: { type: "websocket", sign } };
}

/** Credentials in place of a device's certificate. */
async function brokerCredentials(target: Target, { env, signal }: CommandContext): Promise<CredentialSource> {
  const source = await credentialsOf(target, agentFor(target, env), signal);
  return async () => {
    try {
      return await source();
    } catch (error) {
      if (!(error instanceof CredentialsError)) throw error;
      const hint =
        "give --mqtt-endpoint and the device's certificate (--cert, --key), or set up AWS credentials";
      throw new CredentialsError(error.message, { hint, cause: error });
    }
  };
}

/** The broker's address: as given, or looked up at the first attempt that gets through. */
async function addressOf(
  host: string | undefined,
  port: number,
  region: string,
  target: Target,
  context: CommandContext,
): Promise<BrokerConnection["address"]> {
  const complete = (name: string): Remote => ({
    host: name,
    port,
    ca: target.ca,
    webProxy: webProxyFor(name, port, context.env),
  });
  if (host !== undefined) return async () => complete(host);
  let found: string | undefined;
  return async (signal) => {
    found ??= await lookUp(region, target, context, signal);
    return complete(found);
  };
}

async function lookUp(
  region: string,
  target: Target,
  context: CommandContext,
  signal: AbortSignal,
): Promise<string> {
  const { lookUpBroker } = await import("../../aws/broker-lookup.ts");
  const credentials = await brokerCredentials(target, context);
  const agent = agentFor(target, context.env);
  try {
    return await lookUpBroker({ url: awsUrl(target, "iot", region), region }, credentials, { agent, signal });
  } finally {
    agent.destroy();
  }
}
