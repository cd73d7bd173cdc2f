import { describe, expect, test } from "bun:test";
import { layerFaults } from "../../../scripts/layers.ts";

const forbidden: readonly (readonly [why: string, path: string, source: string])[] = [
  ["an upward import", "src/base/log.ts", 'import { a } from "../net/tcp.ts";'],
  ["an upward import of types", "src/protocol/frame.ts", 'import type { A } from "../engine/engine.ts";'],
  ["a sideways import", "src/net/tcp.ts", 'import { a } from "../aws/shapes.ts";'],
  ["an upward import()", "src/proxy/driver.ts", 'const a = await import("../cli/main.ts");'],
  ["an upward re-export", "src/proxy/driver.ts", 'export {\n  a,\n  b,\n} from "../agent/agent.ts";'],
  ["an import for its effects", "src/aws/shapes.ts", 'import "../emulator/serve.ts";'],
  ["import() of a computed name", "src/cli/main.ts", "const a = await import(name);"],
  [
    "values of the service's shapes in the emulator",
    "src/emulator/a.ts",
    'import { a } from "../aws/shapes.ts";',
  ],
  ["the engine in the emulator", "src/emulator/a.ts", 'import type { A } from "../engine/engine.ts";'],
  ["a runtime module in a pure file", "src/engine/engine.ts", 'import { a } from "node:net";'],
  ["logging in a pure file", "src/protocol/frame.ts", 'import { a } from "../base/log.ts";'],
  ["time in a pure file", "src/emulator/relay/relay.ts", "const now = Date.now();"],
  ["chance in a pure file", "src/engine/backoff.ts", "return Math.random() * 2;"],
  ["Bun's own API", "src/net/tcp.ts", "Bun.listen({});"],
  ["Bun's own modules", "src/net/tcp.ts", 'import { a } from "bun:sqlite";'],
  ["a test's helper", "src/net/tcp.ts", 'import { a } from "../../test/helpers/wait.ts";'],
  ["a folder that is no layer", "src/utils/a.ts", "export const a = 1;"],
  ["a barrel", "src/base/index.ts", 'export { a } from "./log.ts";'],
];

const allowed: readonly (readonly [why: string, path: string, source: string])[] = [
  ["a layer to the left", "src/cli/main.ts", 'import { a } from "../base/log.ts";'],
  ["its own layer", "src/net/tcp.ts", 'import { a } from "./roots.ts";'],
  ["a package", "src/net/tunnel-socket.ts", 'import WebSocket from "ws";'],
  ["the errors in a pure file", "src/engine/engine.ts", 'import { a } from "../base/errors.ts";'],
  [
    "types of the service's shapes in the emulator",
    "src/emulator/a.ts",
    'import type { A } from "../aws/shapes.ts";',
  ],
  [
    "import() of a heavy layer",
    "src/cli/commands/a.ts",
    'const a = await import("../../emulator/serve.ts");',
  ],
];

describe("layers", () => {
  test.each(forbidden)("refuse %s", (_why, path, source) => {
    expect(layerFaults(path, source)).toHaveLength(1);
  });

  test.each(allowed)("allow %s", (_why, path, source) => {
    expect(layerFaults(path, source)).toEqual([]);
  });
});
