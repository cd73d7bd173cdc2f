import { quoteForShell, shellLine } from "../../base/shell.ts";
import type { ThingIdentity } from "../../emulator/notify/things.ts";
import { defaultStateDir, localWordsFor, readLocalEndpoint } from "../config/local.ts";
import type { Command, CommandContext } from "../words/command.ts";

const NAME = { name: "NAME", describe: "name of the thing", required: true } as const;
const NOTE =
  "Works whether or not serve-local runs. The state directory is that of --state-dir, else that of --local.";

export const thingAddCommand: Command = {
  name: "serve-local thing add",
  group: "Emulator",
  summary: "issue key and certificate for the device of a thing",
  operands: [NAME],
  options: ["stateDir"],
  examples: ["tunnel serve-local thing add pump-7"],
  notes: ["A thing that is there keeps its certificate.", NOTE],
  run: addThing,
};

export const thingListCommand: Command = {
  name: "serve-local thing list",
  group: "Emulator",
  summary: "list the things with a certificate",
  options: ["stateDir"],
  examples: ["tunnel serve-local thing list"],
  notes: [NOTE],
  run: listThings,
};

export const thingRemoveCommand: Command = {
  name: "serve-local thing remove",
  group: "Emulator",
  summary: "end the access of a thing's device",
  operands: [NAME],
  options: ["stateDir"],
  examples: ["tunnel serve-local thing remove pump-7"],
  notes: ["Its connections end within a second. Added again, it gets another certificate.", NOTE],
  run: removeThing,
};

async function addThing(context: CommandContext): Promise<undefined> {
  const things = await import("../../emulator/notify/things.ts");
  const [name = ""] = context.operands;
  const stateDir = stateDirOf(context);
  const identity = await things.addThing(stateDir, name);
  const next = nextLines(identity, stateDir, context);
  if (context.output.json) {
    context.output.document({ ...identity, ...next });
    return undefined;
  }
  await context.output.facts([
    ["thing", identity.name],
    ["certificate", identity.certificatePath],
    ["key", identity.keyPath],
    ["ca", identity.caPath],
    ["next", next.agent],
    ["or", next.subscribe],
  ]);
  return undefined;
}

async function listThings(context: CommandContext): Promise<undefined> {
  const { listThings: list } = await import("../../emulator/notify/things.ts");
  const things = list(stateDirOf(context));
  if (context.output.json) {
    context.output.document({ things });
  } else if (things.length === 0) {
    context.output.remark("no things");
  } else {
    const rows = things.map(({ name, certificatePath }) => [name, certificatePath]);
    await context.output.table(["THING", "CERTIFICATE"], rows);
  }
  return undefined;
}

async function removeThing(context: CommandContext): Promise<undefined> {
  const things = await import("../../emulator/notify/things.ts");
  const [name = ""] = context.operands;
  things.removeThing(stateDirOf(context), name);
  if (context.output.json) {
    context.output.document({ name });
  } else {
    context.output.line(`removed ${name}`);
  }
  return undefined;
}

function stateDirOf({ settings, env }: CommandContext): string {
  return settings.get("stateDir") ?? settings.get("local")?.stateDir ?? defaultStateDir(env);
}

/** The commands with which the device, ours or any MQTT client, waits for notifications. */
function nextLines(
  { name, certificatePath, keyPath, caPath }: ThingIdentity,
  stateDir: string,
  { env }: CommandContext,
): { readonly agent: string; readonly subscribe: string } {
  const topic = `$aws/things/${name}/tunnels/notify`;
  const { host, port } = brokerOf(stateDir, env);
  const files = ["--cafile", caPath, "--cert", certificatePath, "--key", keyPath];
  const words = ["mosquitto_sub", "-h", host, "-p", String(port), ...files, "-q", "1", "-t", topic];
  return {
    agent: `${shellLine`tunnel agent --thing ${name} --map SSH=22`} ${localWordsFor(stateDir, env)}`,
    subscribe: words.map(quoteForShell).join(" "),
  };
}

/** Where the broker listens now; while nobody serves, where it will by default. */
function brokerOf(
  stateDir: string,
  env: CommandContext["env"],
): { readonly host: string; readonly port: number } {
  const usual = { host: "localhost", port: 8883 };
  try {
    return readLocalEndpoint(stateDir, env).mqtt ?? usual;
  } catch {
    return usual;
  }
}
