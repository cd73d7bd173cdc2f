import { expect, test } from "bun:test";
import { join } from "node:path";
import { dialLocal, readAll } from "../helpers/proxies.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

test("serve-local killed with -9 has lost no tunnel, access token or tag that it acknowledged", async () => {
  using dir = tempDir();
  const stateDir = join(dir.path, "state");
  const env = { XDG_STATE_HOME: join(dir.path, "xdg") };
  const first = await serveLocal({ stateDir });
  const opens = Array.from({ length: 10 }, async (_, index) => {
    const opened = await runTunnel(
      ["open", "--service", "SSH", "--tag", `n=${index}`, "--json", ...first.local],
      env,
    );
    return JSON.parse(opened.stdout) as { tunnelId: string; sourceAccessToken: string };
  });
  const tunnels = await Promise.all(opens);
  await first.process.kill();

  await using second = await serveLocal({ stateDir });
  for (const [index, { tunnelId }] of tunnels.entries()) {
    const described = await runTunnel(["describe", tunnelId, "--json", ...second.local], env);
    expect(JSON.parse(described.stdout).tunnel).toMatchObject({
      status: "OPEN",
      tags: [{ key: "n", value: String(index) }],
    });
  }
  await using source = startTunnel(["proxy", "source", "-p", "SSH=0", ...second.local], {
    ...env,
    AWSIOT_TUNNEL_ACCESS_TOKEN: tunnels[3]?.sourceAccessToken,
  });
  await source.waitForLine(/listening/);
}, 60_000);

test("both proxies come back by themselves when serve-local is killed and started again", async () => {
  using dir = tempDir();
  const stateDir = join(dir.path, "state");
  const env = { XDG_STATE_HOME: join(dir.path, "xdg") };
  await using echo = await startTcpServer();
  const first = await serveLocal({ stateDir });
  const opened = await runTunnel(["open", "--service", "ECHO", "--json", ...first.local], env);
  const { destinationAccessToken } = JSON.parse(opened.stdout);
  await using destination = startTunnel(
    ["proxy", "destination", "-d", `ECHO=127.0.0.1:${echo.port}`, ...first.local],
    {
      ...env,
      AWSIOT_TUNNEL_ACCESS_TOKEN: destinationAccessToken,
    },
  );
  await using source = startTunnel(["proxy", "source", "-p", "ECHO=0", ...first.local], env);
  const [, port] = await source.waitForLine(/listening on 127.0.0.1:(\d+)/);
  await destination.waitForLine(/connected to the tunnel/, "stderr");
  await first.process.kill();
  await source.waitForLine(/disconnected/, "stderr");

  const listen = new URL(first.endpoint.controlPlane).host.replace("localhost", "127.0.0.1");
  await using _second = await serveLocal({ stateDir, args: ["--listen", listen] });
  for (const { lines } of [source, destination]) {
    const isBack = () => lines.stderr.filter((line) => line.includes("connected to the tunnel")).length === 2;
    await waitFor("the second connection", isBack, 60_000);
  }
  const socket = await dialLocal(Number(port));
  socket.end("still here");
  expect((await readAll(socket)).toString()).toBe("still here");
}, 90_000);
