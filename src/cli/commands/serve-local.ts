import { aborted } from "../../base/abort.ts";
import { UnreachableError, UsageError } from "../../base/errors.ts";
import { isRunning } from "../../base/running.ts";
import type { RunningEmulator } from "../../emulator/server/serve.ts";
import { defaultStateDir, localWordsFor, readLocalEndpoint, serveLocalCommandFor } from "../config/local.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const serveLocalCommand: Command = {
  name: "serve-local",
  group: "Emulator",
  summary: "be the whole service on this machine, offline",
  options: [
    "listen",
    "mqttListen",
    "noMqtt",
    "mqttBroker",
    "mqttCa",
    "mqttCert",
    "mqttKey",
    "stateDir",
    "ephemeral",
    "private",
    "fault",
    "quota",
    "accountId",
    "host",
    "allowOrigin",
    "env",
  ],
  rest: "CMD…",
  examples: [
    "tunnel serve-local",
    "tunnel serve-local --ephemeral --listen 0 -- npm test",
    'eval "$(tunnel serve-local --env)"',
    "tunnel serve-local --ephemeral --fault drop=5s,rate=0.3 --fault delay=200ms -- npm test",
  ],
  notes: [
    "Once ready it prints where it listens; other commands find it with --local. It runs until Ctrl-C, and started again on the same state directory it has the same tunnels.",
    "With CMD it runs that command with endpoints, certificates and dummy credentials in its environment, ends with it and returns its exit code.",
    "Whoever can connect to its port can call it, with any credentials. With --private calls have to be signed with a key that only this user can read; --local, --env and -- CMD use it by themselves.",
    "Devices are notified through an MQTT broker of its own, which lets in those that `tunnel serve-local thing add` gave a certificate.",
    "For tests of your own agents and proxies, --fault lets things go wrong and --quota holds AWS's bounds. Faults: drop[=TIME], close=CODE[,after=TIME], delay=TIME, throttle=BYTES a second, refuse=STATUS, expire[=TIME], rotate[=TIME]; `rate` is the share of connections (or handshakes, or tunnels) that it befalls, `seed` chooses which.",
    "--env starts nothing: it prints those variables for the serve-local that runs on the state directory.",
  ],
  endsOnSignal: true,
  run: serveLocal,
};

/** What the AWS documentation uses in examples, so that answers look familiar. */
const DEFAULT_REGION = "us-east-1";

async function serveLocal(context: CommandContext): Promise<number | undefined> {
  checkOptions(context);
  if (context.settings.get("env")) {
    await printEnvironment(context);
    return undefined;
  }
  const { serve } = await import("../../emulator/server/serve.ts");
  const { mqttOptionsOf } = await import("../serve/mqtt-options.ts");
  const { settings, env, rest, signal } = context;
  const emulator = await serve({
    listen: settings.get("listen"),
    state: settings.get("ephemeral")
      ? { type: "ephemeral" }
      : { type: "directory", path: settings.get("stateDir") ?? defaultStateDir(env) },
    region: settings.get("region") ?? DEFAULT_REGION,
    accountId: settings.get("accountId"),
    hosts: settings.get("host"),
    allowOrigins: settings.get("allowOrigin"),
    isPrivate: settings.get("private"),
    faults: settings.get("fault"),
    hasQuota: settings.get("quota"),
    mqtt: mqttOptionsOf(settings, env),
  });
  try {
    if (rest !== undefined) return await runInside(emulator, rest, context);
    printReady(emulator, context);
    await aborted(signal);
    return undefined;
  } finally {
    await emulator.close();
    if (settings.get("ephemeral")) {
      const { tidyTokens } = await import("../../operator/user-tokens.ts");
      tidyTokens(env, context.log, (store) => store.deleteLocal(emulator.stateDirectory));
    }
  }
}

function checkOptions({ settings, rest }: CommandContext): void {
  if (settings.get("local") !== undefined && settings.origin("local").type === "flag") {
    throw new UsageError("serve-local is what --local talks to", "tunnel serve-local --state-dir DIR");
  }
  if (settings.get("ephemeral") && settings.get("stateDir") !== undefined) {
    throw new UsageError("--state-dir and --ephemeral exclude each other");
  }
  if (settings.get("env") && (rest !== undefined || settings.get("ephemeral"))) {
    throw new UsageError("--env only prints; it goes with --state-dir alone", "tunnel serve-local --env");
  }
  if (rest?.length === 0) {
    throw new UsageError("no command after --", "tunnel serve-local --ephemeral -- npm test");
  }
}

function printReady(
  { endpoint, stateDirectory, caDirectory }: RunningEmulator,
  { output, env, settings }: CommandContext,
): void {
  const faults = settings.get("fault").map(({ text }) => text);
  const hasQuota = settings.get("quota");
  if (output.json) {
    // Standard output often becomes a log: the key stays in endpoint.json.
    const { credentials, ...facts } = endpoint;
    output.document({
      event: "ready",
      ...facts,
      ...(credentials === undefined ? {} : { private: true }),
      ...(faults.length === 0 ? {} : { faults }),
      ...(hasQuota ? { quota: true } : {}),
      stateDirectory,
      caDirectory,
    });
    return;
  }
  const trouble = [...faults.map((text) => `--fault ${text}`), ...(hasQuota ? ["--quota"] : [])];
  const onPurpose = trouble.length === 0 ? "" : `, on purpose with ${trouble.join(" ")}`;
  output.line(
    `serve-local is ready on ${endpoint.controlPlane} (${endpoint.region}, state in ${stateDirectory}${onPurpose})`,
  );
  if (endpoint.mqtt !== undefined) output.line(`devices are notified through mqtts://${endpoint.mqtt}`);
  if (endpoint.credentials !== undefined) {
    output.line(
      "private: calls have to be signed with the key in endpoint.json; --local, --env and -- CMD do so",
    );
  }
  output.remark(`next: tunnel open --service SSH ${localWordsFor(stateDirectory, env)}`);
}

async function runInside(
  emulator: RunningEmulator,
  command: readonly string[],
  { env, signal }: CommandContext,
): Promise<number> {
  const { emulatorEnvironment } = await import("../../operator/emulator-environment.ts");
  const { runChild } = await import("../process/child.ts");
  const { set, unset } = emulatorEnvironment(
    { mqtt: undefined, credentials: undefined, ...emulator.endpoint, stateDir: emulator.stateDirectory },
    env,
  );
  const childEnv = { ...env, ...set };
  for (const name of unset) delete childEnv[name];
  return runChild(command, childEnv, signal);
}

async function printEnvironment({ settings, env, output }: CommandContext): Promise<void> {
  const { emulatorEnvironment } = await import("../../operator/emulator-environment.ts");
  const { quoteForShell } = await import("../../base/shell.ts");
  const stateDir = settings.get("stateDir") ?? defaultStateDir(env);
  const endpoint = readLocalEndpoint(stateDir, env);
  if (!isRunning(endpoint.pid)) {
    throw new UnreachableError(`no serve-local is running on "${endpoint.stateDir}"`, {
      hint: serveLocalCommandFor(endpoint.stateDir, env),
    });
  }
  const { host, port } = endpoint.dataPlane;
  const { set, unset } = emulatorEnvironment(
    {
      ...endpoint,
      controlPlane: endpoint.controlPlane.origin,
      dataPlane: `${host}:${port}`,
      mqtt: endpoint.mqtt === undefined ? undefined : `${endpoint.mqtt.host}:${endpoint.mqtt.port}`,
    },
    env,
  );
  if (output.json) {
    output.document({ set, unset });
    return;
  }
  output.line(`unset ${unset.join(" ")}`);
  for (const [name, value] of Object.entries(set)) output.line(`export ${name}=${quoteForShell(value)}`);
}
