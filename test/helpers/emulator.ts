import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { connect as connectTls } from "node:tls";
import type { OperationName } from "../../src/aws/shapes.ts";
import { getLogger } from "../../src/base/log.ts";
import { type RunningEmulator, type ServeOptions, serve } from "../../src/emulator/server/serve.ts";
import { SqliteStore } from "../../src/emulator/store/sqlite.ts";
import type { Store } from "../../src/emulator/store/store.ts";
import type { TunnelEvent } from "../../src/emulator/tunnels/tunnel-event.ts";
import { Tunnels } from "../../src/emulator/tunnels/tunnels.ts";

/** Time as a test sets it: milliseconds since 1970. */
export class TestClock {
  time = Date.UTC(2026, 0, 1);

  #stepMs = 0;

  readonly now = (): number => this.time;

  readonly takeStep = (): number => {
    const step = this.#stepMs;
    this.#stepMs = 0;
    return step;
  };

  /** Somebody sets the clock. */
  stepMinutes(minutes: number): void {
    this.passMinutes(minutes);
    this.#stepMs += minutes * 60_000;
  }

  passMinutes(minutes: number): void {
    this.time += minutes * 60_000;
  }
}

/** Tunnels on a clock of the test, with every event they tell. */
export interface TestTunnels {
  readonly tunnels: Tunnels;
  readonly clock: TestClock;
  readonly events: TunnelEvent[];
}

/** Tunnels in memory, or in `store`. */
export function makeTunnels(
  store: Store = new SqliteStore(":memory:"),
  clock: TestClock = new TestClock(),
): TestTunnels {
  const tunnels = new Tunnels({
    store,
    region: "eu-west-1",
    accountId: "111122223333",
    now: clock.now,
    takeStep: clock.takeStep,
    random: randomBytes,
    createId: randomUUID,
    log: getLogger("test"),
  });
  const events: TunnelEvent[] = [];
  tunnels.onEvent((event) => events.push(event));
  return { tunnels, clock, events };
}

/** An emulator on a free port; without `stateDir` it leaves nothing behind. Going out of scope stops it. */
export async function startEmulator(
  options: Partial<ServeOptions> & { readonly stateDir?: string } = {},
): Promise<RunningEmulator & AsyncDisposable> {
  const { stateDir, ...given } = options;
  const emulator = await serve({
    listen: { host: "127.0.0.1", port: 0 },
    state: stateDir === undefined ? { type: "ephemeral" } : { type: "directory", path: stateDir },
    region: "us-east-1",
    accountId: "123456789012",
    hosts: [],
    allowOrigins: [],
    ...given,
  });
  return { ...emulator, [Symbol.asyncDispose]: emulator.close };
}

/** An HTTP answer, its body as text. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Where an emulator is, in this process or another. */
export interface Reachable {
  readonly endpoint: Pick<RunningEmulator["endpoint"], "controlPlane" | "ca">;
}

/** One HTTPS request to an emulator, exactly as told. */
export async function send(
  emulator: Reachable,
  call: {
    readonly method: string;
    readonly path?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  },
): Promise<Answer> {
  const outgoing = request(`${emulator.endpoint.controlPlane}${call.path ?? "/"}`, {
    method: call.method,
    headers: { ...call.headers },
    ca: readFileSync(emulator.endpoint.ca),
    servername: "localhost",
    agent: false,
  });
  outgoing.end(call.body);
  const [incoming] = await once(outgoing, "response");
  return { status: incoming.statusCode, headers: incoming.headers, text: await text(incoming) };
}

/** Headers of a call that only looks signed: the emulator cannot check the signature itself. */
export function signedHeaders(operation: string, now: number = Date.now()): Record<string, string> {
  const stamp = `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
  const scope = `${stamp.slice(0, 8)}/us-east-1/IoTSecuredTunneling/aws4_request`;
  return {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `IoTSecuredTunneling.${operation}`,
    "x-amz-date": stamp,
    authorization: `AWS4-HMAC-SHA256 Credential=LOCAL/${scope}, SignedHeaders=host;x-amz-date, Signature=${"0".repeat(64)}`,
  };
}

/** Calls one operation and returns its answer's status and parsed body. */
export async function callOperation(
  emulator: Reachable,
  operation: OperationName,
  body: unknown,
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const headers = signedHeaders(operation);
  const answer = await send(emulator, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, body: JSON.parse(answer.text) };
}

/** Sends bytes as they are over TLS, and returns the first answer's head and body, or what came until the end. */
export async function sendRaw(emulator: RunningEmulator, bytes: string | Uint8Array): Promise<string> {
  const { port } = new URL(emulator.endpoint.controlPlane);
  const ca = readFileSync(emulator.endpoint.ca);
  const socket = connectTls({ port: Number(port), host: "127.0.0.1", ca, servername: "localhost" });
  const chunks: Buffer[] = [];
  const answer = () => Buffer.concat(chunks).toString("latin1");
  try {
    await once(socket, "secureConnect");
    await new Promise<void>((resolve) => {
      socket.on("error", () => resolve());
      socket.on("close", () => resolve());
      socket.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (answer().includes("\r\n\r\n")) resolve();
      });
      socket.write(bytes);
    });
    return answer();
  } finally {
    socket.destroy();
  }
}
