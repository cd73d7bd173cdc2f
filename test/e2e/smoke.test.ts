// The shortest way through everything, as a user goes it. scripts/test also runs it with the sources under Deno.
import { expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";
import { serveLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";
import { within } from "../helpers/wait.ts";

const SIZE_BYTES = 8 * 1024 * 1024;

/** Sends random bytes to an echo service and compares what comes back, byte for byte by its sum. */
async function echo(port: number): Promise<void> {
  const sent = randomBytes(SIZE_BYTES);
  const received = createHash("sha256");
  const socket = connect(port, "127.0.0.1");
  socket.write(sent);
  let missing = SIZE_BYTES;
  for await (const chunk of socket) {
    received.update(chunk);
    missing -= chunk.length;
    if (missing <= 0) break;
  }
  expect(missing).toBe(0);
  expect(received.digest("hex")).toBe(createHash("sha256").update(sent).digest("hex"));
}

test("serve-local, open, proxy both ends, carry bytes both ways, close", async () => {
  using home = tempDir();
  const env = { HOME: home.path };
  await using local = await serveLocal({ env });
  await using service = await startTcpServer();

  const opened = await runTunnel(
    ["open", ...local.local, "--thing", "pump-7", "--service", "ECHO", "--json"],
    env,
  );
  expect(opened.code).toBe(0);
  const { tunnelId, destinationAccessToken } = JSON.parse(opened.stdout);

  await using destination = startTunnel(
    ["proxy", "destination", ...local.local, "-d", `ECHO=127.0.0.1:${service.port}`],
    { ...env, AWSIOT_TUNNEL_ACCESS_TOKEN: destinationAccessToken },
  );
  await destination.waitForLine(/connected to the tunnel/, "stderr");
  await using source = startTunnel(["proxy", "source", ...local.local, "-p", "ECHO=0", "--json"], env);
  const [listening] = await source.waitForLine(/^\{.*"listening".*/);
  await within("the echo of 8 MiB", echo(JSON.parse(listening).port));

  const closed = await runTunnel(["close", tunnelId, ...local.local, "--delete"], env);
  expect(closed.code).toBe(0);
  expect(await within("the end of the source", source.exited)).toEqual({ code: 0, signal: null });
  expect(await within("the end of the destination", destination.exited)).toEqual({ code: 0, signal: null });
  expect(await local.process.stop()).toEqual({ code: 0, signal: null });
  for (const output of [source.stderr, destination.stderr, local.process.stderr]) {
    expect(output).not.toContain(destinationAccessToken);
  }
}, 60_000);
