// A writer to the control plane that remembers what was acknowledged, and looks for it afterwards.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { isDeepStrictEqual } from "node:util";
import type { OperationName } from "../../src/aws/shapes.ts";
import { callOperation, type Reachable } from "./emulator.ts";
import { within } from "./wait.ts";

type Side = "source" | "destination";

/** What is known of one tunnel. A member is undefined while a call that changes it went unanswered. */
interface Entry {
  readonly tunnelId: string;
  readonly tunnelArn: string;
  tags: Record<string, string> | undefined;
  tokens: Partial<Record<Side, string>> | undefined;
  /** Rotated away: worth nothing. */
  readonly revoked: { readonly side: Side; readonly token: string }[];
  status: "OPEN" | "CLOSED" | undefined;
}

/** How many of each kind were acknowledged. */
export interface LedgerCounts {
  opened: number;
  tagged: number;
  rotated: number;
  closed: number;
  unanswered: number;
}

/** A call takes milliseconds; one to a process that was killed meanwhile fails at once. */
const CALL_TIMEOUT_MS = 20_000;

export class Ledger {
  readonly counts: LedgerCounts = { opened: 0, tagged: 0, rotated: 0, closed: 0, unanswered: 0 };
  /** What was acknowledged and is not there, in sentences. */
  readonly losses: string[] = [];
  readonly #server: Reachable;
  readonly #random: () => number;
  readonly #entries: Entry[] = [];
  readonly #clientTokens = new Map<string, string>();
  #tagNumber = 0;
  /** One at a time: what is looked for must not change meanwhile. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `random` chooses what to write. */
  constructor(server: Reachable, random: () => number) {
    this.#server = server;
    this.#random = random;
  }

  /** Writes until aborted, a call every `everyMs`; at most `most` tunnels are remembered, the oldest are deleted. */
  async write({
    signal,
    everyMs,
    most,
  }: {
    signal: AbortSignal;
    everyMs: number;
    most: number;
  }): Promise<void> {
    while (!signal.aborted) {
      await this.#inTurn(() => this.#writeOnce(most));
      await sleep(everyMs);
    }
  }

  /** Looks for what was acknowledged, of `most` tunnels by chance or of all; the service has to be there. */
  check(most = Number.POSITIVE_INFINITY): Promise<number> {
    return this.#inTurn(() => this.#check(most));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #check(most: number): Promise<number> {
    const entries = this.#entries
      .map((entry) => ({ entry, order: most === Number.POSITIVE_INFINITY ? 0 : this.#random() }))
      .sort((a, b) => a.order - b.order)
      .slice(0, most);
    for (const { entry } of entries) await this.#checkEntry(entry);
    return entries.length;
  }

  async #writeOnce(most: number): Promise<void> {
    const open = this.#entries.filter(({ status }) => status === "OPEN");
    const entry = open[Math.floor(this.#random() * open.length)];
    const dice = this.#random();
    if (this.#entries.length >= most) return await this.#delete();
    if (entry === undefined || dice < 0.4) return await this.#open();
    if (dice < 0.65) return await this.#tag(entry);
    if (dice < 0.9) return await this.#rotate(entry);
    await this.#close(entry);
  }

  async #open(): Promise<void> {
    const tags = { n: String(++this.#tagNumber) };
    const answer = await this.#call("OpenTunnel", { tags: toTags(tags) });
    if (answer === undefined) return;
    this.counts.opened += 1;
    const { tunnelId, tunnelArn, sourceAccessToken, destinationAccessToken } = answer as Record<
      string,
      string
    >;
    this.#entries.push({
      tunnelId: tunnelId ?? "",
      tunnelArn: tunnelArn ?? "",
      tags,
      tokens: { source: sourceAccessToken ?? "", destination: destinationAccessToken ?? "" },
      revoked: [],
      status: "OPEN",
    });
  }

  async #tag(entry: Entry): Promise<void> {
    const { tags } = entry;
    const tag = { [`k${this.#tagNumber % 10}`]: String(++this.#tagNumber) };
    entry.tags = undefined;
    const answer = await this.#call("TagResource", { resourceArn: entry.tunnelArn, tags: toTags(tag) });
    if (answer === undefined || tags === undefined) return;
    entry.tags = { ...tags, ...tag };
    this.counts.tagged += 1;
  }

  async #rotate(entry: Entry): Promise<void> {
    const { tokens, tunnelId } = entry;
    entry.tokens = undefined;
    const answer = await this.#call("RotateTunnelAccessToken", { tunnelId, clientMode: "ALL" });
    if (answer === undefined) return;
    this.counts.rotated += 1;
    for (const side of ["source", "destination"] as const) {
      const token = tokens?.[side];
      if (token !== undefined) entry.revoked.push({ side, token });
    }
    entry.tokens = {
      source: String(answer["sourceAccessToken"]),
      destination: String(answer["destinationAccessToken"]),
    };
  }

  async #close(entry: Entry): Promise<void> {
    entry.status = undefined;
    if ((await this.#call("CloseTunnel", { tunnelId: entry.tunnelId })) === undefined) return;
    entry.status = "CLOSED";
    this.counts.closed += 1;
  }

  async #delete(): Promise<void> {
    const [oldest] = this.#entries.splice(0, 1);
    await this.#call("CloseTunnel", { tunnelId: oldest?.tunnelId, delete: true });
  }

  /** The answer of a call that was acknowledged, else undefined: whether it was carried out is then unknown. */
  async #call(operation: OperationName, request: object): Promise<Record<string, unknown> | undefined> {
    try {
      const call = callOperation(this.#server, operation, request);
      const { status, body } = await within(`an answer to ${operation}`, call, CALL_TIMEOUT_MS);
      if (status === 200) return body;
      if (status === 400) this.losses.push(`${operation} of an acknowledged tunnel: ${JSON.stringify(body)}`);
    } catch {
      // The connection was lost, or there was none: the service is away.
    }
    this.counts.unanswered += 1;
    return undefined;
  }

  async #checkEntry({ tunnelId, tags, tokens, revoked, status }: Entry): Promise<void> {
    const call = callOperation(this.#server, "DescribeTunnel", { tunnelId });
    const { body } = await within("an answer to DescribeTunnel", call, CALL_TIMEOUT_MS);
    const tunnel = body["tunnel"] as { status: string; tags?: { key: string; value: string }[] } | undefined;
    if (tunnel === undefined) return void this.losses.push(`tunnel ${tunnelId}: ${JSON.stringify(body)}`);
    if (status !== undefined && tunnel.status !== status) {
      this.losses.push(`tunnel ${tunnelId} is ${tunnel.status}, not ${status}`);
    }
    const found = Object.fromEntries((tunnel.tags ?? []).map(({ key, value }) => [key, value]));
    if (tags !== undefined && !isDeepStrictEqual(found, tags)) {
      this.losses.push(`tags of ${tunnelId} are ${JSON.stringify(found)}, not ${JSON.stringify(tags)}`);
    }
    if (status !== "OPEN") return;
    for (const side of ["source", "destination"] as const) {
      const token = tokens?.[side];
      if (token !== undefined) await this.#expectAnswer(tunnelId, side, token, 101);
    }
    for (const { side, token } of revoked.slice(-2)) await this.#expectAnswer(tunnelId, side, token, 403);
  }

  async #expectAnswer(tunnelId: string, side: Side, token: string, expected: number): Promise<void> {
    const clientToken = this.#clientTokens.get(token) ?? randomUUID();
    this.#clientTokens.set(token, clientToken);
    const status = await within(
      "a handshake",
      handshake(this.#server, side, token, clientToken),
      CALL_TIMEOUT_MS,
    );
    if (status >= 500) {
      this.counts.unanswered += 1;
    } else if (status !== expected) {
      this.losses.push(`a ${side} token of ${tunnelId} is answered ${status}, not ${expected}`);
    }
  }
}

function toTags(tags: Record<string, string>): { key: string; value: string }[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}

/** HTTP status with which the data plane answers these tokens. */
async function handshake(
  { endpoint }: Reachable,
  side: Side,
  accessToken: string,
  clientToken: string,
): Promise<number> {
  const { host, hostname, port } = new URL(endpoint.controlPlane);
  const ca = readFileSync(endpoint.ca);
  const socket = connect({ host: "127.0.0.1", port: Number(port), servername: hostname, ca });
  await once(socket, "secureConnect");
  socket.write(
    [
      `GET /tunnel?local-proxy-mode=${side} HTTP/1.1`,
      `Host: ${host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Protocol: aws.iot.securetunneling-3.0",
      `access-token: ${accessToken}`,
      `client-token: ${clientToken}`,
      "\r\n",
    ].join("\r\n"),
  );
  const [answer] = await once(socket, "data");
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d+)/.exec(String(answer))?.[1]);
}
