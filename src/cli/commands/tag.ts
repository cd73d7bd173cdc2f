import type { ControlPlane } from "../../aws/control-plane.ts";
import type { Tag } from "../../aws/shapes.ts";
import { ServiceError, UsageError } from "../../base/errors.ts";
import { BadValueError, checkTagCount, readTag } from "../config/values.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const tagCommand: Command = {
  name: "tag",
  group: "Tunnels",
  summary: "show, set and remove the tags of a tunnel",
  operands: [
    { name: "ID|ARN", describe: "the tunnel's id or ARN", required: true },
    { name: "KEY=VALUE", describe: "a tag to set; several may be given", repeat: true },
  ],
  options: ["remove"],
  examples: [
    "tunnel tag 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d",
    "tunnel tag 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d team=field owner=mia --remove draft",
  ],
  run: tagTunnel,
};

async function tagTunnel(context: CommandContext): Promise<undefined> {
  const { withControlPlane } = await import("../target/connect-control-plane.ts");
  const { settings, output } = context;
  const [subject = "", ...words] = context.operands;
  const changes = words.map(tagOf);
  const removals = settings.get("remove");
  checkChanges(changes, removals);
  await withControlPlane(context, async ({ controlPlane }) => {
    const arn = await arnOf(subject, controlPlane);
    if (removals.length > 0) await controlPlane.removeTags(arn, removals);
    if (changes.length > 0) await controlPlane.addTags(arn, changes);
    const tags = await controlPlane.listTags(arn);
    if (output.json) {
      output.document({ tags });
    } else if (tags.length === 0) {
      output.remark("no tags");
    } else {
      await output.table(
        ["KEY", "VALUE"],
        tags.map(({ key, value }) => [key, value]),
      );
    }
  });
  return undefined;
}

function tagOf(word: string): Tag {
  try {
    return readTag(word);
  } catch (error) {
    if (error instanceof BadValueError) {
      throw new UsageError(`tag "${word}": ${error.message}`, "tunnel tag ID team=field");
    }
    throw error;
  }
}

function checkChanges(changes: readonly Tag[], removals: readonly string[]): void {
  checkTagCount(changes.length);
  const keys = [...changes.map(({ key }) => key), ...removals];
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw new UsageError(`tag "${twice}" is given twice`);
}

async function arnOf(subject: string, controlPlane: ControlPlane): Promise<string> {
  if (subject.startsWith("arn:")) return subject;
  const { tunnelArn } = await controlPlane.describeTunnel(subject);
  if (tunnelArn === undefined) {
    throw new ServiceError("ERR_SERVICE", `the service did not tell the ARN of "${subject}"`, {
      awsCode: "",
    });
  }
  return tunnelArn;
}
