// The packed library in a project of its own, under each runtime.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { type LibraryProject, makeLibraryProject, RUNTIMES } from "../helpers/library.ts";

/** What each example writes, whatever it runs on. */
const EXAMPLES: Readonly<Record<string, string>> = {
  "tunnel.mjs": "hello through the tunnel\n",
  "agent.mjs": "this is pump-7\nagent-stopped: 15 bytes\n",
  "control-plane.mjs": "OPEN true\nstring\n1\nERR_NOT_FOUND\n",
  "engine.mjs": 'ready\ndial SSH\nwrite "hello"\n',
  "protocol.mjs": "DATA SSH stream 7, 2 bytes\n",
};

/** Nothing, but for what Node.js 22 says by itself of its SQLite. */
const QUIET = expect.stringMatching(/^(.*ExperimentalWarning: SQLite.*\n.*\n)?$/);

const STRICT = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: "ES2022",
    lib: ["ES2024", "ESNext.Disposable"],
    module: "NodeNext",
    types: ["node"],
  },
  files: ["consumer.ts"],
};

const CONSUMER = `
import { startAgent } from "tunnel/agent";
import { createControlPlane } from "tunnel/control-plane";
import { type LocalService, serveLocal } from "tunnel/emulator";
import { Carrier, type CarrierOptions } from "tunnel/engine";
import { TunnelError } from "tunnel/errors";
import { FrameSplitter } from "tunnel/protocol";
import { openProxy, type ProxySession } from "tunnel/proxy";

export async function carry(options: CarrierOptions): Promise<number> {
  await using service: LocalService = await serveLocal();
  await using proxy: ProxySession = await openProxy({
    mode: "source",
    accessToken: "x",
    dataPlane: service.dataPlane,
    services: { SSH: 0 },
  });
  proxy.on("connection-closed", ({ bytesToTunnel }) => bytesToTunnel.toFixed());
  // @ts-expect-error an event has no such member
  proxy.on("listening", ({ retryInMs }) => retryInMs);
  // @ts-expect-error there is no such side
  await openProxy({ mode: "middle", accessToken: "x", services: {} });
  using control = createControlPlane(service.controlPlane);
  const { createdAt } = await control.describeTunnel("t");
  const end: "stopped" | "tunnel-closed" = await proxy.ended;
  const code: string = new TunnelError("ERR_BUG", end).code;
  return createdAt.getTime() + code.length + proxy.port() + new FrameSplitter().push(new Uint8Array()).length;
}
export { Carrier, startAgent };
`;

describe("the packed library", () => {
  let project: LibraryProject;
  beforeAll(() => {
    project = makeLibraryProject();
  });
  afterAll(() => project[Symbol.dispose]());

  test("has code, declarations, a licence and a page to read, and nothing else", () => {
    expect(project.files).toContain("LICENSE");
    expect(project.files).toContain("README.md");
    expect(project.files.filter((path) => !/^js\/.*\.(js|d\.ts)$/.test(path)).toSorted()).toEqual([
      "LICENSE",
      "README.md",
      "package.json",
    ]);
    expect(project.files.filter((path) => /\/(cli|tui)\//.test(path))).toEqual([]);
  });

  test("has an answer to every example", () => {
    expect(Object.keys(EXAMPLES).toSorted()).toEqual(readdirSync("docs/examples").toSorted());
  });

  test("carries bytes through a tunnel in under 20 lines", () => {
    expect(readFileSync("docs/examples/tunnel.mjs", "utf8").trimEnd().split("\n").length).toBeLessThan(20);
  });

  describe.each(RUNTIMES.map((words) => [...words]))("under %s", (_name, ...words) => {
    test.each(Object.entries(EXAMPLES))("%s does what its page says, and ends", async (file, wanted) => {
      expect(await run(project, words, file)).toEqual({ code: 0, stdout: wanted, stderr: QUIET });
    });

    test("carries bulk, gets over a lost link, and keeps what it is told to", async () => {
      cpSync("test/helpers/library-bulk.mjs", join(project.path, "bulk.mjs"));
      const { code, stdout, stderr } = await run(project, words, "bulk.mjs");
      expect({ code, stdout: stdout.trim().split("\n"), stderr }).toEqual({
        code: 0,
        stdout: [
          "bulk: 16777216 bytes there, 16777216 back, the same",
          "lost: disconnected, connected, carries again",
          "held: connections-held, connections-resumed, one two",
          expect.stringContaining(
            hasSqlite(words) ? "kept: OPEN" : "kept: ERR_CONFIG this runtime has no SQLite",
          ),
        ],
        stderr: QUIET,
      });
    });
  });

  test("has declarations that a strict project takes, and that tell one event from another", () => {
    symlinkSync(resolve("node_modules/@types"), join(project.path, "node_modules/@types"));
    writeFileSync(join(project.path, "consumer.ts"), CONSUMER);
    writeFileSync(join(project.path, "tsconfig.json"), JSON.stringify(STRICT));
    const { status, stdout } = spawnSync("tsc", ["-p", "."], { cwd: project.path, encoding: "utf8" });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  });
});

async function run(project: LibraryProject, [command = "", ...words]: readonly string[], file: string) {
  const child = spawn(command, [...words, file], {
    cwd: project.path,
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(),
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code, stdout, stderr };
}

/** Whether the runtime of these words has SQLite: of Node.js only later versions have. */
function hasSqlite([command = ""]: readonly string[]): boolean {
  const load = ["--input-type=module", "--eval", 'await import("node:sqlite")'];
  return command !== "node" || spawnSync(command, load).status === 0;
}

/** Without what would lead an example elsewhere. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS|TUNNEL|NODE_OPTIONS|BUN_)/.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: "1" };
}
