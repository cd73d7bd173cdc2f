import { ServiceError, TunnelError, UsageError } from "../../base/errors.ts";
import { reportError } from "../print/report.ts";
import type { Connection } from "../target/connect-control-plane.ts";
import type { Command, CommandContext } from "../words/command.ts";

export const closeCommand: Command = {
  name: "close",
  group: "Tunnels",
  summary: "close a tunnel for good",
  operands: [{ name: "ID", describe: "the tunnel's id; or --stale" }],
  options: ["stale", "delete"],
  examples: [
    "tunnel close 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d",
    "tunnel close 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d --delete",
    "tunnel close --stale",
  ],
  notes: ["A closed tunnel stays in the list for some hours; --delete removes it from there too."],
  run: closeTunnel,
};

async function closeTunnel(context: CommandContext): Promise<undefined> {
  const { withControlPlane } = await import("../target/connect-control-plane.ts");
  const { settings } = context;
  const [tunnelId] = context.operands;
  const isStale = settings.get("stale");
  if ((tunnelId === undefined) !== isStale) {
    const message = isStale ? "--stale goes without an ID" : "ID is missing: which tunnel?";
    throw new UsageError(message, isStale ? "tunnel close --stale" : closeCommand.examples[0]);
  }
  await withControlPlane(context, async (connection) => {
    if (tunnelId !== undefined) return closeOne(tunnelId, connection, context);
    await closeStale(connection, context);
  });
  return undefined;
}

/** Closes what it can: whatever is left over costs money, also when another one cannot be closed. */
async function closeStale(connection: Connection, context: CommandContext): Promise<void> {
  const { staleTunnels } = await import("../../operator/stale.ts");
  const failures = new Failures(context);
  const filter = { thingName: undefined, max: MAX_LISTED };
  const stale = await staleTunnels(connection.controlPlane, filter, context.env, (error) =>
    failures.add(error),
  );
  for (const { tunnelId } of stale) {
    try {
      await closeOne(tunnelId, connection, context);
    } catch (error) {
      context.signal.throwIfAborted();
      const isGone = error instanceof ServiceError && error.code === "ERR_NOT_FOUND";
      if (!isGone) failures.add(error);
    }
  }
  failures.throwIfAny();
  if (stale.length === 0) context.output.announce("no tunnel is left over");
}

/** Failures of one call after another this often in a row are those of every further one. */
const MAX_IN_A_ROW = 5;

/** What went wrong with some of many tunnels: each is told as it comes. */
class Failures {
  readonly #context: CommandContext;
  readonly #errors: TunnelError[] = [];

  constructor(context: CommandContext) {
    this.#context = context;
  }

  /** Throws what is no failure of one tunnel alone. */
  add(error: unknown): void {
    if (!(error instanceof TunnelError) || error.code === "ERR_CREDENTIALS") throw error;
    this.#errors.push(error);
    const last = this.#errors.slice(-MAX_IN_A_ROW);
    if (last.length === MAX_IN_A_ROW && last.every(({ code }) => code === "ERR_UNREACHABLE")) throw error;
    const { stderr, output } = this.#context;
    stderr.write(reportError(error, { json: output.json }));
  }

  throwIfAny(): void {
    const [first] = this.#errors;
    if (first === undefined) return;
    const count = this.#errors.length === 1 ? "one tunnel" : `${this.#errors.length} tunnels`;
    throw new TunnelError(first.code, `${count} could not be looked at or closed; the others are done`, {
      hint: "tunnel list --stale",
    });
  }
}

/** More tunnels than an account has. */
const MAX_LISTED = 100_000;

async function closeOne(
  tunnelId: string,
  { controlPlane, target }: Connection,
  { settings, output, env, log }: CommandContext,
): Promise<void> {
  const { forgetUnknownTunnel, tidyTokens } = await import("../../operator/user-tokens.ts");
  const isDelete = settings.get("delete");
  try {
    await controlPlane.closeTunnel({ tunnelId, ...(isDelete ? { delete: true } : {}) });
  } catch (error) {
    if (error instanceof ServiceError && error.code === "ERR_NOT_FOUND") {
      const service = { issuer: target.issuer, region: await controlPlane.region() };
      tidyTokens(env, log, (store) => forgetUnknownTunnel(tunnelId, service, store));
    }
    throw error;
  }
  tidyTokens(env, log, (store) => store.delete(tunnelId));
  const { rememberSeen } = await import("../words/completion/seen.ts");
  rememberSeen(env, [{ tunnelId, status: "CLOSED" }]);
  if (output.json) {
    output.document({ tunnelId, deleted: isDelete });
  } else {
    output.line(`${isDelete ? "deleted" : "closed"} ${tunnelId}`);
  }
}
