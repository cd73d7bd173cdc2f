// What a connect does with a tunnel that carries: standard input and output, a command, or listening for others.

import type { Writable } from "node:stream";
import { untilAborted } from "../../base/abort.ts";
import type { Env } from "../../base/env.ts";
import type { SocketAddress } from "../../net/tcp.ts";
import { type Listening, type TunnelUse, throwIfFailed } from "../../operator/request.ts";
import { listeningAt } from "../../proxy/options.ts";
import { printListening } from "../proxy/event-log.ts";
import type { CommandContext } from "../words/command.ts";
import type { StdioPeer } from "./stdio-peer.ts";

export interface Work {
  readonly service: string;
  /** Where to listen. */
  readonly address: SocketAddress;
  /** Under --stdio. */
  readonly peer: StdioPeer | undefined;
  /** Takes what is said while a screen is drawn. */
  readonly screen: ((text: string) => void) | undefined;
  readonly signal: AbortSignal;
}

/** Works until its own end, or that of the tunnel; a tunnel that fails is thrown. Returns the command's exit code. */
export async function workWith(
  tunnel: TunnelUse,
  { service, address, peer, screen, signal }: Work,
  context: CommandContext,
): Promise<number | undefined> {
  const { rest, settings, output, stdout } = context;
  signal.throwIfAborted();
  if (peer !== undefined) {
    const { carryStdio } = await import("./carry-stdio.ts");
    const stream = await untilAborted(signal, tunnel.dial());
    const carried = carryStdio(stream, peer.input, stdout as Writable, signal);
    await Promise.race([carried, failure(tunnel)]);
    peer.hush();
    return undefined;
  }
  const listening = await tunnel.listen(address);
  if (rest !== undefined) return runInside(tunnel, listening, rest, context, signal);
  if (screen !== undefined) screen(`${service} listening on ${listeningAt(listening)}`);
  else printListening({ service, ...listening }, output);
  if (settings.get("open")) await showPage(listening, screen, context);
  throwIfFailed(await untilAborted(signal, tunnel.ended));
  return undefined;
}

/** Opens what listens in a browser. Where that fails, the person can do it. */
async function showPage(
  { address, port = 80 }: Listening,
  screen: Work["screen"],
  { env, output }: CommandContext,
): Promise<void> {
  const { openPage, pageAt } = await import("./open-page.ts");
  const url = pageAt(hostAt(address), port);
  const say = screen ?? ((text: string) => output.remark(text));
  if (output.json) output.document({ event: "opening", url });
  else say(`opening ${url}`);
  openPage(url, env, (reason) => {
    if (output.json) output.document({ event: "not-opened", url, reason });
    else say(`the browser was not opened: ${reason}; open ${url} yourself`);
  });
}

/** Never, unless the tunnel fails. One that was closed has ended the stream too. */
async function failure({ ended }: TunnelUse): Promise<void> {
  throwIfFailed(await ended);
  await new Promise(() => {});
}

async function runInside(
  tunnel: TunnelUse,
  listening: Listening,
  command: readonly string[],
  { env }: CommandContext,
  signal: AbortSignal,
): Promise<number> {
  const { runChild } = await import("../process/child.ts");
  return whileCarried(tunnel, signal, (either) =>
    runChild(command, childEnvironment(env, listening), either),
  );
}

/**
 * Does `work` with a signal that is aborted when the tunnel fails, too: such a tunnel takes a command with it, and is
 * thrown once that has ended. One that was closed leaves the rest to the command.
 */
export async function whileCarried<T>(
  tunnel: TunnelUse,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const failed = new AbortController();
  failure(tunnel).catch((error) => failed.abort(error));
  const result = await work(AbortSignal.any([signal, failed.signal]));
  failed.signal.throwIfAborted();
  return result;
}

/** Where a command finds its tunnel, without what leads it to one of its own. */
export function childEnvironment(env: Env, { address, port }: Listening): Env {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith("AWSIOT_TUNNEL_"));
  return { ...Object.fromEntries(kept), TUNNEL_HOST: hostAt(address), TUNNEL_PORT: String(port) };
}

/** By which a listener is reached from this machine. */
function hostAt(address: string): string {
  return /^(0\.0\.0\.0|::)$/.test(address) ? "127.0.0.1" : address;
}
