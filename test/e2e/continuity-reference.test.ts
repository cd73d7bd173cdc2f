// The reference proxy, unchanged, against ours with continuity: it carries as ever, and is sent byte for byte what it is
// sent without, but for one HELLO where its stream looks like one of ours.
import { describe, expect } from "bun:test";
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { decodeControl } from "../../src/protocol/control-reader.ts";
import type { ProxyOptions } from "../../src/proxy/options.ts";
import { ProcessSession } from "../../src/proxy/process-session.ts";
import { dialLocal, startEmulator, startProxy, type TestProxy } from "../helpers/proxies.ts";
import { CLIENT_TYPES, type ClientType, startReferenceAt, testWithReference } from "../helpers/reference.ts";
import { RelayTap } from "../helpers/relay-tap.ts";
import { freePort, startTcpServer } from "../helpers/servers.ts";
import { waitFor, within } from "../helpers/wait.ts";

const RESUME_TIMEOUT_MS = 60_000;
/** Short, so that connections follow each other quickly. */
const LINGER_MS = 200;
/** The reference ends itself when 128 KiB wait for one of its applications. */
const BULK_BYTES = 100_000;
const HEAD_BYTES = 5;

type Side = "source" | "destination";
type Kind = "echo" | "up" | "down";

/** Bytes that are the same in every run. */
function pattern(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0, value = seed; at < size; at++) {
    value = (value * 1_103_515_245 + 12_345) % 2 ** 31;
    bytes[at] = value >>> 16;
  }
  return bytes;
}

const hashOf = (bytes: Buffer) => createHash("sha256").update(bytes).digest();

/** An application that does what the first bytes of a connection ask for: a kind, and a size. */
function serve(socket: Socket): void {
  let got = Buffer.alloc(0);
  const onData = (bytes: Buffer) => {
    got = Buffer.concat([got, bytes]);
    if (got.length < HEAD_BYTES) return;
    const [kind, size] = [String.fromCharCode(got[0] ?? 0), got.readUInt32BE(1)];
    if (kind === "e") {
      socket.off("data", onData);
      socket.write(got.subarray(HEAD_BYTES));
      socket.pipe(socket);
    } else if (kind === "d") {
      socket.off("data", onData).resume();
      socket.end(pattern(size, size));
    } else if (got.length === HEAD_BYTES + size) socket.write(hashOf(got.subarray(HEAD_BYTES)));
  };
  socket.on("data", onData);
}

function headOf(kind: Kind, size: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES, kind);
  head.writeUInt32BE(size, 1);
  return head;
}

/** Fails when a socket ends, as a reset does. */
async function endOf(socket: Socket): Promise<never> {
  if (!socket.readableEnded) await once(socket, "end");
  throw Object.assign(new Error("the connection ended early"), { code: "ECONNRESET" });
}

async function take(socket: Socket, size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let length = 0; length < size; ) {
    const [chunk] = (await Promise.race([once(socket, "data"), endOf(socket)])) as [Buffer];
    chunks.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(chunks);
}

/** One connection: asks, has its answer, and leaves. */
async function talkOnce(port: number, kind: Kind, size: number, endsAtOnce: boolean): Promise<Socket> {
  const socket = await dialLocal(port);
  const sent = kind === "down" ? Buffer.alloc(0) : pattern(size, size + 1);
  const wanted = { echo: sent, up: hashOf(sent), down: pattern(size, size) }[kind];
  const got = take(socket, wanted.length);
  socket.on("error", () => {}); // a reset may follow the last byte
  socket.write(Buffer.concat([headOf(kind, size), sent]));
  if (endsAtOnce) socket.end();
  expect((await within(`${kind} of ${size} bytes`, got)).equals(wanted)).toBe(true);
  return socket;
}

/** @param endsAtOnce its end of file follows what it asks, and the answer comes after it */
async function talk(port: number, kind: Kind, size: number, endsAtOnce = false): Promise<void> {
  // In the older formats the reference stops listening while a connection is open, and resets one that came just then.
  const socket = await waitFor("a connection that carries", () =>
    talkOnce(port, kind, size, endsAtOnce).catch(ifReset),
  );
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  socket.end();
  socket.resume();
  await within("the end of the connection", closed);
}

function ifReset(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ECONNREFUSED" && error.code !== "ECONNRESET") throw error;
}

/** @param side ours: the reference as source takes an end of file for the end of both ways */
async function talkAll(port: number, side: Side): Promise<void> {
  for (const size of [1, 1_000, 60_000]) await talk(port, "echo", size);
  await talk(port, "up", BULK_BYTES);
  await talk(port, "up", 1, side === "source");
  // Its server ends first. In the older formats the reference loses a start that comes in the moment after.
  await talk(port, "down", BULK_BYTES);
}

interface Ends extends AsyncDisposable {
  readonly ours: TestProxy;
  readonly port: number;
  /** Stops one side and starts it again, with a new access token. */
  restart(side: Side): Promise<void>;
}

/** A tunnel with ours on a side, with continuity or without, and the reference on the other. */
async function join(
  side: Side,
  type: ClientType,
  hasContinuity: boolean,
  options: Partial<ProxyOptions> = {
    lingerMs: LINGER_MS,
    ...(side === "source" ? { clientType: type } : {}),
  },
): Promise<Ends> {
  const stack = new AsyncDisposableStack();
  const app = stack.use(await startTcpServer(serve));
  const emulator = stack.use(await startEmulator());
  const { tokens, tunnelId } = emulator.open(["SSH"]);
  const listen = side === "source" ? 0 : await freePort();
  const makeOurs = async (token = tokens[side]) => {
    const map = side === "source" ? "SSH=0" : `SSH=127.0.0.1:${app.port}`;
    const continuity = hasContinuity ? { continuity: new ProcessSession(RESUME_TIMEOUT_MS) } : {};
    const proxy = startProxy(emulator, side, token, map, { ...options, ...continuity });
    await proxy.waitFor("connected");
    return proxy;
  };
  const other: Side = side === "source" ? "destination" : "source";
  const makeTheirs = (token = tokens[other]) => {
    const address = other === "source" ? String(listen) : `127.0.0.1:${app.port}`;
    return startReferenceAt(emulator, other, token, address, type);
  };
  let ours: TestProxy | undefined;
  let theirs: Awaited<ReturnType<typeof makeTheirs>> | undefined;
  stack.defer(async () => void (await Promise.all([ours?.stop(), theirs?.[Symbol.asyncDispose]()])));
  if (side === "source") {
    theirs = await makeTheirs();
    ours = await makeOurs();
  } else {
    ours = await makeOurs();
    theirs = await makeTheirs();
  }
  let port = side === "source" ? await ours.portOf("SSH") : listen;
  const tokenOf = (mode: Side) => {
    const token = emulator.running.tunnels.rotate({ tunnelId, modes: [mode] }).tokens[mode];
    if (token === undefined) throw new Error("no new access token");
    return token;
  };
  const proxy = ours;
  return {
    ours: proxy,
    get port() {
      return port;
    },
    async restart(which) {
      if (which === side) {
        await ours?.stop();
        ours = await makeOurs(tokenOf(which));
        if (side === "source") port = await ours.portOf("SSH");
      } else {
        await theirs?.kill();
        theirs = await makeTheirs(tokenOf(which));
      }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** What our side sends in a conversation, with its HELLOs apart. */
async function record(side: Side, type: ClientType, hasContinuity: boolean, isMarking: boolean) {
  using tap = new RelayTap({ isMarking });
  await using ends = await join(side, type, hasContinuity);
  await talkAll(ends.port, side);
  const kinds = ends.ours.events.map(({ event }) => event);
  expect(kinds.filter((kind) => kind.startsWith("connections-"))).toEqual([]);
  const controls = tap.controls(side).map(({ payload }) => decodeControl(payload));
  return { transcript: tap.transcript(side), controls };
}

describe.each(CLIENT_TYPES)("the reference proxy in format %s and continuity", (type) => {
  const OTHERS: readonly [string, Side, boolean][] = [
    ["as destination", "source", false],
    ["as source", "destination", false],
    ["as source, its streams numbered as ours", "destination", true],
  ];
  for (const [name, side, isMarking] of OTHERS) {
    testWithReference(
      `${name} is sent what it is sent without`,
      async () => {
        const without = await record(side, type, false, isMarking);
        const having = await record(side, type, true, isMarking);
        expect(without.controls).toEqual([]);
        expect(without.transcript.length).toBe(6);
        expect(having.transcript).toEqual(without.transcript);
        const hellos = isMarking && type === "V3" ? 1 : 0;
        expect(having.controls.length).toBe(hellos);
        for (const control of having.controls) {
          expect(control).toMatchObject({ credits: [], fins: [], reasons: [], probe: 0, answer: 0 });
          expect(control?.hello).toBeDefined();
        }
      },
      120_000,
    );
  }

  for (const side of ["source", "destination"] as const) {
    testWithReference(
      `carries on after either side was started again, ours as ${side}`,
      async () => {
        await using ends = await join(side, type, true);
        await talk(ends.port, "echo", 1_000);
        await ends.restart(side === "source" ? "destination" : "source");
        await talk(ends.port, "echo", 2_000);
        await ends.restart(side);
        await talk(ends.port, "echo", 3_000);
      },
      120_000,
    );
  }
});

testWithReference(
  "its destination beside continuity, with our source not told its format",
  async () => {
    using tap = new RelayTap();
    await using ends = await join("source", "V3", true, {});
    await talkAll(ends.port, "source");
    expect(tap.controls("source")).toEqual([]);
  },
  120_000,
);

describe.each([6, 12])("%i connections at once beside continuity", (count) => {
  for (const side of ["source", "destination"] as const) {
    testWithReference(
      `with the reference, ours as ${side}`,
      async () => {
        await using ends = await join(side, "V3", true);
        const kinds: readonly Kind[] = ["echo", "up", "down"];
        const all = Array.from({ length: count }, (_, at) =>
          talk(ends.port, kinds[at % 3] as Kind, 20_000 + at),
        );
        await Promise.all(all);
      },
      120_000,
    );
  }
});
