// A signal may come while a command is still being loaded: whoever only listens for it then has lost it.
import { expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { PassThrough } from "node:stream";
import { StopSignal } from "../../../src/cli/process/stop-signal.ts";
import { run } from "../../../src/cli/run.ts";
import { startTcpServer } from "../../helpers/servers.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { within } from "../../helpers/wait.ts";

const ID = randomUUID();
const LOCAL = ["serve-local", "--listen", "127.0.0.1:0", "--no-mqtt", "--ephemeral"];

test.each([
  [0, LOCAL],
  [130, [...LOCAL, "--", "sleep", "30"]],
  [0, ["proxy", "source", "-p", "0"]],
  [0, ["proxy", "source", "-p", "0", "--access-token-file", "-"]],
  [0, ["proxy", "destination", "-d", "22"]],
  [0, ["agent", "--thing", "x", "--map", "SSH=22", "--mqtt-endpoint", "localhost:PORT"]],
  [0, ["localproxy", "-s", "2222"]],
  [130, ["connect", "--thing", "x", "--service", "SSH", "--endpoint-url", "https://localhost:PORT"]],
  [130, ["doctor", "--endpoint-url", "https://localhost:PORT"]],
  [130, ["list", "--endpoint-url", "https://localhost:PORT"]],
  [130, ["list", "--watch", "--endpoint-url", "https://localhost:PORT"]],
  [130, ["describe", ID, "--endpoint-url", "https://localhost:PORT"]],
  [130, ["describe", ID, "--watch", "--endpoint-url", "https://localhost:PORT"]],
  [130, ["open", "--service", "SSH", "--endpoint-url", "https://localhost:PORT"]],
  [130, ["rotate", ID, "--mode", "all", "--endpoint-url", "https://localhost:PORT"]],
  [130, ["tag", ID, "--endpoint-url", "https://localhost:PORT"]],
  [130, ["close", ID, "--endpoint-url", "https://localhost:PORT"]],
  [130, ["close", "--stale", "--endpoint-url", "https://localhost:PORT"]],
])("a signal that came before the command began ends it: %d %j", async (code, words) => {
  await using silent = await startTcpServer(() => {});
  using home = tempDir();
  const env = {
    PATH: process.env["PATH"],
    HOME: home.path,
    AWS_ACCESS_KEY_ID: "a",
    AWS_SECRET_ACCESS_KEY: "b",
    AWS_REGION: "us-east-1",
    AWSIOT_TUNNEL_ENDPOINT: `localhost:${silent.port}`,
    AWSIOT_TUNNEL_ACCESS_TOKEN: words.includes("--access-token-file") ? undefined : "x",
  };
  const signal = AbortSignal.abort(new StopSignal("SIGINT"));
  const host = {
    env,
    workingDirectory: () => "/",
    stdout: new PassThrough().resume(),
    stderr: new PassThrough().resume(),
    stdin: () => new PassThrough(),
    signal,
    stopOnHangup: () => {},
  };
  const given = words.map((word) => word.replace("PORT", String(silent.port)));
  expect(await within("the end of the command", run(given, host), 4_000)).toBe(code);
});
