import { test } from "bun:test";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import type { AccessToken } from "../../src/base/secret.ts";
import { TestProcess } from "./process.ts";
import type { TestEmulator } from "./proxies.ts";
import type { ServeLocal } from "./serve-local.ts";

/** Ends the name of every test that needs the reference proxy: the only tests that may be skipped. */
export const REFERENCE_MARK = "(needs LOCALPROXY)";

/** The reference proxy's program, from the environment variable LOCALPROXY. */
export const REFERENCE_PROXY = process.env["LOCALPROXY"] ?? "";

/** A test against the reference proxy; skipped where LOCALPROXY does not name its program. */
export function testWithReference(name: string, body: () => Promise<void>, timeoutMs?: number): void {
  test.skipIf(REFERENCE_PROXY === "")(`${name} ${REFERENCE_MARK}`, body, timeoutMs);
}

/**
 * Starts the reference proxy (format V3), or a program with its command line, on a running serve-local and waits until
 * it is connected, or listens.
 */
export async function startReference(
  mode: "source" | "destination",
  token: string,
  map: string,
  server: ServeLocal,
  [program = REFERENCE_PROXY, ...first]: readonly string[] = [],
): Promise<TestProcess> {
  const { port } = new URL(server.endpoint.controlPlane);
  const roots = join(dirname(server.endpoint.ca), "certs");
  const args = [
    ...first,
    "-e",
    `localhost:${port}`,
    "-c",
    roots,
    "-v",
    "5",
    mode === "source" ? "-s" : "-d",
    map,
  ];
  const child = new TestProcess(program, args, {
    PATH: process.env["PATH"],
    HOME: server.stateDir,
    AWSIOT_TUNNEL_ACCESS_TOKEN: token,
    AWSIOT_TUNNEL_CLIENT_TOKEN: randomUUID(),
  });
  const ready = mode === "source" ? /Listening for new connection/ : /Successfully established websocket/;
  await child.waitForLine(ready, "stderr");
  return child;
}

/** What the reference proxy is told to speak. */
export type ClientType = "V1" | "V2" | "V3";
export const CLIENT_TYPES: readonly ClientType[] = ["V3", "V2", "V1"];

/** Starts the reference proxy on an emulator of this process, for service SSH; in format V1 its map has no names. */
export async function startReferenceAt(
  emulator: TestEmulator,
  mode: "source" | "destination",
  token: AccessToken,
  address: string,
  type: ClientType,
): Promise<TestProcess> {
  const map = type === "V1" ? address : `SSH=${address}`;
  const args = ["-e", `localhost:${emulator.port}`, "-c", emulator.running.caDirectory, "-v", "5"];
  const child = new TestProcess(
    REFERENCE_PROXY,
    [...args, mode === "source" ? "-s" : "-d", map, ...(type === "V3" ? [] : ["-y", type])],
    { ...process.env, AWSIOT_TUNNEL_ACCESS_TOKEN: token.reveal(), AWSIOT_TUNNEL_CLIENT_TOKEN: randomUUID() },
  );
  const ready = mode === "source" ? /Listening for new connection/ : /Successfully established websocket/;
  await child.waitForLine(ready, "stderr");
  return child;
}

/** Whose proxies run at the two sides. */
export interface Pair {
  readonly source: "ours" | "reference";
  readonly destination: "ours" | "reference";
}

/** The pairs to try: ours, and where LOCALPROXY names a reference, that on either side. */
export const PAIRS: readonly Pair[] = [
  { source: "ours", destination: "ours" },
  { source: "reference", destination: "ours" },
  { source: "ours", destination: "reference" },
];

/** A test of one of PAIRS; skipped where it needs a reference that is missing. */
export function testPair(name: string, pair: Pair, body: () => Promise<void>, timeoutMs: number): void {
  const isOurs = pair.source === "ours" && pair.destination === "ours";
  if (isOurs) test(name, body, timeoutMs);
  else testWithReference(`${name}, ${pair.source} source, ${pair.destination} destination`, body, timeoutMs);
}

/** How often a test of chance repeats: the environment variable RUNS, else the few that the suite has time for. */
export function runsOr(few: number): number {
  return Number(process.env["RUNS"] ?? few);
}
