// `tunnel connect --open`: the page of a device in a browser, here a script in the place of xdg-open.
import { expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Operator, startOperator, THING } from "../helpers/operators.ts";
import { startHttpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { startTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

setDefaultTimeout(30_000);

/** An operator whose device has a page, and who has this script for a browser, if any. */
async function startBrowsing(script: string | undefined) {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(tempDir());
  const web = stack.use(await startHttpServer((_request, response) => void response.end("page")));
  const operator = stack.use(await startOperator());
  await operator.startDevice(web.port);
  const opener = join(dir.path, "xdg-open");
  if (script !== undefined) {
    writeFileSync(opener, `#!/bin/sh\n${script}\n`);
    chmodSync(opener, 0o755);
  }
  return {
    operator,
    seen: join(dir.path, "seen"),
    start: (...args: readonly string[]) => startBrowser(operator, dir.path, args),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Nothing but the script is found on the path. */
function startBrowser({ server, env }: Operator, path: string, args: readonly string[]) {
  const words = ["connect", "--thing", THING, "--service", "SSH", "--open", ...server.local, ...args];
  return startTunnel(words, { ...env, PATH: path, AWSIOT_TUNNEL_ACCESS_TOKEN: "OUR-SECRET" });
}

test("the browser gets the page once it is there, none of our secrets, and outlives the connect", async () => {
  const script = `d=\${0%/*}; { echo "$1"; echo "$AWSIOT_TUNNEL_ACCESS_TOKEN"; echo $$; } > $d/new
/bin/mv $d/new $d/seen; exec /bin/sleep 1000`;
  await using browsing = await startBrowsing(script);
  await using connecting = browsing.start("--bind", "0.0.0.0");
  await waitFor("the browser", async () => existsSync(browsing.seen));
  const [url = "", secret, pid] = readFileSync(browsing.seen, "utf8").split("\n");
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
  expect([secret, await (await fetch(url)).text()]).toEqual(["", "page"]);
  await connecting.waitForLine(new RegExp(`^tunnel: opening ${url}$`), "stderr");
  connecting.signal("SIGINT");
  expect((await connecting.exited).code).toBe(130);
  process.kill(Number(pid)); // throws when it has gone
});

test("where there is no opener, a sentence names the page, and the connect goes on", async () => {
  await using browsing = await startBrowsing(undefined);
  await using connecting = browsing.start();
  const sentence = /^tunnel: the browser was not opened: there is no xdg-open here; open (\S+) yourself$/;
  const [, url = ""] = await connecting.waitForLine(sentence, "stderr");
  expect(await (await fetch(url)).text()).toBe("page");
});

test("an opener that fails is told as well, with --json as a document", async () => {
  await using browsing = await startBrowsing("exit 3");
  await using connecting = browsing.start("--json");
  const { input } = await connecting.waitForLine(/"event":"not-opened"/);
  expect(JSON.parse(input)).toEqual({
    event: "not-opened",
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/),
    reason: "xdg-open ended with exit code 3",
  });
  expect(connecting.stdout).toContain('"event":"opening"');
});

test.each([
  [["--stdio"], "--open goes without a command"],
  [["--", "true"], "--open goes without a command"],
  [["-p", "/tmp/absent/socket"], "a browser needs a port"],
])("%j with --open is a usage error", async (words, text) => {
  await using operator = await startOperator();
  const { code, stderr } = await operator.run(
    ...["connect", "--thing", THING, "--service", "SSH", "--open", ...words],
  );
  expect([code, stderr]).toEqual([64, expect.stringContaining(text)]);
});
