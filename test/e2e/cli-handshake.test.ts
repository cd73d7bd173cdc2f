// What a proxy does about a handshake that the service refuses, or does not answer.
import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { makeProxyUser } from "../helpers/proxy-user.ts";
import { startRawService } from "../helpers/raw-service.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

describe("a refused handshake takes the kept token away only where it says that the token is worth nothing", () => {
  const SPENT = "Invalid access token: The access token was previously used and can not be used again.";
  const answer =
    (status: number, body: string, headers = "") =>
    (socket: Socket) =>
      socket.end(`HTTP/1.1 ${status} X\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`);

  /** Exit code of a proxy against a service that answers so, and whether its token is still kept. */
  async function outcome(onRequest: (socket: Socket) => void, args: readonly string[] = []) {
    await using user = await makeProxyUser();
    await using service = await startRawService(onRequest);
    using dir = tempDir();
    const ca = join(dir.path, "ca.pem");
    writeFileSync(ca, service.ca);
    const { tunnelId } = await user.open();
    const endpoint = ["--proxy-endpoint", `localhost:${service.port}`, "--ca", ca];
    const words = ["proxy", "source", "-p", "0", "--tunnel", tunnelId, ...endpoint, ...args];
    const { code, stderr } = await runTunnel([...words, ...user.server.local], user.env);
    expect(stderr).not.toContain("a bug of tunnel");
    return { code, kept: user.savedTokens().includes(`${tunnelId}.source.json`) };
  }

  test.each([
    ["a tunnel that is over", 400, "Tunnel is closed", [], false],
    ["a token that is spent", 400, SPENT, [], false],
    ["the same without its client token", 400, SPENT, ["--no-client-token"], true],
    ["a token that is unknown at an endpoint named by hand", 403, "Invalid access-token", [], true],
    ["a wrong client token", 400, "Invalid client token: The provided client token does not match", [], true],
    ["anything else that is the service's", 400, "", [], true],
  ] as const)("%s: 77", async (_title, status, body, args, kept) => {
    const marked = body === "" ? "channel-id: c-1\r\n" : "";
    expect(await outcome(answer(status, body, marked), args)).toEqual({ code: 77, kept });
  });

  test("a token that its own service does not know: 77, and it goes", async () => {
    await using user = await makeProxyUser();
    const { tunnelId } = await user.open();
    const file = join(user.dir, "tunnel/tokens", `${tunnelId}.source.json`);
    const saved = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...saved, accessToken: "replaced" }));
    const words = ["proxy", "source", "-p", "0", "--tunnel", tunnelId, ...user.server.local];
    expect((await runTunnel(words, user.env)).code).toBe(77);
    expect(user.savedTokens()).not.toContain(`${tunnelId}.source.json`);
  });

  test("what is not the service's word: 69 after some tries, and it stays", async () => {
    const answers = [
      answer(302, "", "Location: https://portal.example.test/\r\n"),
      answer(404, "Not Found"),
      answer(403, "<html>The VPN tunnel is closed. Please log in</html>"),
      answer(503, "busy", "channel-id: c-1\r\n"),
      answer(429, "slow down", "channel-id: c-1\r\n"),
    ];
    const outcomes = await Promise.all(answers.map((onRequest) => outcome(onRequest)));
    expect(outcomes).toEqual(answers.map(() => ({ code: 69, kept: true })));
  }, 60_000);
});

test("a service that takes the connection and says nothing is told of within five seconds", async () => {
  await using service = await startRawService(() => {});
  using dir = tempDir();
  const ca = join(dir.path, "ca.pem");
  writeFileSync(ca, service.ca);
  const args = ["proxy", "source", "-p", "0", "--proxy-endpoint", `localhost:${service.port}`, "--ca", ca];
  await using source = startTunnel(args, { AWSIOT_TUNNEL_ACCESS_TOKEN: "x", AWS_REGION: "us-east-1" });
  await waitFor("the connection", () => service.accepted > 0);
  await source.waitForLine(/no answer yet from localhost:\d+; it has 11 s left/, "stderr", 5_000);
  expect(await source.stop()).toEqual({ code: 0, signal: null });
}, 15_000);
