import { agentCommand } from "../commands/agent.ts";
import { closeCommand } from "../commands/close.ts";
import { completionCommand } from "../commands/completion.ts";
import { configCommand } from "../commands/config.ts";
import { connectCommand } from "../commands/connect.ts";
import { cpCommand } from "../commands/cp.ts";
import { describeCommand } from "../commands/describe.ts";
import { doctorCommand } from "../commands/doctor.ts";
import { listCommand } from "../commands/list.ts";
import { localproxyCommand } from "../commands/localproxy.ts";
import { openCommand } from "../commands/open.ts";
import { pingCommand } from "../commands/ping.ts";
import { proxyDestinationCommand } from "../commands/proxy-destination.ts";
import { proxySourceCommand } from "../commands/proxy-source.ts";
import { rotateCommand } from "../commands/rotate.ts";
import { runCommand } from "../commands/run.ts";
import { serveLocalCommand } from "../commands/serve-local.ts";
import { thingAddCommand, thingListCommand, thingRemoveCommand } from "../commands/serve-local-thing.ts";
import { sshCommand } from "../commands/ssh.ts";
import { sshConfigCommand } from "../commands/ssh-config.ts";
import { tagCommand } from "../commands/tag.ts";
import type { Command } from "./command.ts";

/** Every command, in the order of the overview. */
export const COMMANDS: readonly Command[] = [
  connectCommand,
  runCommand,
  pingCommand,
  sshCommand,
  cpCommand,
  sshConfigCommand,
  openCommand,
  rotateCommand,
  describeCommand,
  listCommand,
  tagCommand,
  closeCommand,
  proxySourceCommand,
  proxyDestinationCommand,
  localproxyCommand,
  agentCommand,
  serveLocalCommand,
  thingAddCommand,
  thingListCommand,
  thingRemoveCommand,
  configCommand,
  doctorCommand,
  completionCommand,
];
