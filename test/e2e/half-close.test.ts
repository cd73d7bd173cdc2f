// Who has said its last word still gets the answer, however late it reads, whoever else stands still on the tunnel.
// RUNS=20 repeats each; TUNNEL=… tries another build.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type Carried, carry } from "../helpers/carried.ts";
import { saidSha256, TestClient } from "../helpers/clients.ts";
import { runsOr } from "../helpers/reference.ts";
import { startService, type TestService } from "../helpers/services.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { within } from "../helpers/wait.ts";

/** More than the kernel keeps for an application that does not read yet. */
const BYTES = 8 * 1024 * 1024;
/** What a neighbour asks for and never reads: more than anybody keeps. */
const ENDLESS_BYTES = 1024 ** 3;
const LATE_S = 3;
const RUNS = runsOr(1);
const RUN_TIMEOUT_MS = 40_000;

type Kind = "tcp" | "unix";
type Neighbour = "alone" | "beside a neighbour that holds the tunnel";

const CASES = (["tcp", "unix"] as const).flatMap((kind) =>
  (["alone", "beside a neighbour that holds the tunnel"] as const).map(
    (neighbour) => [kind, neighbour] as const,
  ),
);

/** Carries a service, and beside it perhaps one whose client holds the tunnel; TCP or Unix sockets at both ends. */
async function withTunnel(
  kind: Kind,
  neighbour: Neighbour,
  service: TestService,
  use: (address: number | string) => Promise<void>,
): Promise<void> {
  using dir = tempDir();
  await using endless = await startService(kind, "answer", { bytes: ENDLESS_BYTES });
  const paths = { ASKED: join(dir.path, "asked"), HELD: join(dir.path, "held") };
  const services = { ASKED: service.address, HELD: endless.address };
  await using carried = await carry(services, kind === "unix" ? { listen: paths } : {});
  const addressOf = (name: keyof typeof paths, from: Carried) =>
    kind === "unix" ? paths[name] : from.portOf(name);
  await using stack = new AsyncDisposableStack();
  if (neighbour !== "alone") stack.use(new TestClient(addressOf("HELD", carried), "hold"));
  await use(addressOf("ASKED", carried));
}

async function repeat(run: () => Promise<void>): Promise<void> {
  const bad: string[] = [];
  for (let at = 0; at < RUNS; at += 1) await run().catch((error: Error) => bad.push(error.message));
  if (RUNS > 1) console.log(`${RUNS - bad.length} of ${RUNS} runs`);
  expect(bad).toEqual([]);
}

// All at once: they mostly wait, for late readers and for neighbours that are given up.
describe.concurrent.each(CASES)("over %s, %s", (kind, neighbour) => {
  for (const late of [0, LATE_S]) {
    const title = `a client that half-closes and reads ${late} s later gets the whole answer`;
    const run = async () => {
      await using answer = await startService(kind, "answer", { bytes: BYTES });
      await withTunnel(kind, neighbour, answer, async (address) => {
        await using client = new TestClient(address, "request", { half: 1, late });
        const { bytes, sha256, end } = await within("the late reader", client.outcome(), RUN_TIMEOUT_MS);
        expect({ bytes, sha256, end }).toEqual({ bytes: BYTES, sha256: saidSha256(BYTES), end: "end" });
      });
    };
    test(title, () => repeat(run), RUNS * RUN_TIMEOUT_MS);
  }

  const run = async () => {
    await using sink = await startService(kind, "late-sink", { late: LATE_S });
    await withTunnel(kind, neighbour, sink, async (address) => {
      await using client = new TestClient(address, "upload", { bytes: BYTES, half: 1 });
      const report = await within("the late service", sink.report(), RUN_TIMEOUT_MS);
      expect(report).toEqual({ bytes: BYTES, sha256: saidSha256(BYTES) });
      expect((await within("the client's end", client.outcome(), RUN_TIMEOUT_MS)).end).toBe("end");
    });
  };
  test(
    `a service that has ended and reads ${LATE_S} s later gets all that the client sends`,
    () => repeat(run),
    RUNS * RUN_TIMEOUT_MS,
  );
});
