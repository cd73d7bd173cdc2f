import { join } from "node:path";
import { TestProcess } from "./process.ts";
import { tempDir } from "./temp-dir.ts";

/** What a service does with each connection; service.py says it word by word. */
export type ServiceKind = "say" | "say-unread" | "echo" | "answer" | "late-sink" | "slow" | "hold-first";

export interface ServiceOptions {
  /** How much it says. */
  readonly bytes?: number;
  /** How much it reads at a time. */
  readonly chunk?: number;
  /** How many connections are never read from. */
  readonly first?: number;
  /** Bytes a second that it reads. */
  readonly rate?: number;
  /** Seconds before the first read. */
  readonly late?: number;
  readonly sndbuf?: number;
  readonly rcvbuf?: number;
}

/** A service in a process of its own. */
export interface TestService extends AsyncDisposable {
  /** As a service map names it: a path, or 127.0.0.1:PORT. */
  readonly address: string;
  /** Once a connection takes no more of what is written to it, has taken all, or is cut. */
  stalled(): Promise<unknown>;
  /** What a connection came to: its count of bytes and their SHA-256. */
  report(): Promise<{ readonly bytes: number; readonly sha256: string }>;
}

/** Starts a blocking service on a TCP port or a Unix socket. Going out of scope kills it. */
export async function startService(
  on: "tcp" | "unix",
  kind: ServiceKind,
  options: ServiceOptions = {},
): Promise<TestService> {
  const dir = tempDir();
  const address = on === "unix" ? join(dir.path, "service.sock") : "0";
  const words = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  const script = join(import.meta.dirname, "service.py");
  const child = new TestProcess("python3", [script, address, kind, ...words], { PATH: process.env["PATH"] });
  const [line] = await child.waitForLine(/.+/);
  return {
    address: on === "unix" ? line : `127.0.0.1:${line}`,
    stalled: () => child.waitForLine(/^(stalled|said|gone)$/),
    async report() {
      const [, bytes, sha256 = ""] = await child.waitForLine(/^(\d+) ([0-9a-f]{64})$/, "stdout", 60_000);
      return { bytes: Number(bytes), sha256 };
    },
    async [Symbol.asyncDispose]() {
      await child.kill();
      dir[Symbol.dispose]();
    },
  };
}

/** What a service says, from its first byte on. */
export function saidBytes(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, at) => at % 251));
}
