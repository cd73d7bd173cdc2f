// `tunnel run`: a command for each of several things, through tunnels of their own.
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AgentProcess } from "../helpers/agents.ts";
import { type Operator, startOperator } from "../helpers/operators.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { startTunnel } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

setDefaultTimeout(60_000);

/** A client that prints what comes back for the name of its thing. */
const ASK = [
  "python3",
  "-c",
  `import os, socket
s = socket.create_connection((os.environ["TUNNEL_HOST"], int(os.environ["TUNNEL_PORT"])))
s.sendall(os.environ["TUNNEL_THING"].encode()); s.shutdown(socket.SHUT_WR)
print("back:", s.makefile().read())`,
];

/** An operator whose devices have these things, and send back on SSH what they are sent. */
async function startFleet(...things: readonly string[]): Promise<Operator> {
  const stack = new AsyncDisposableStack();
  const echo = stack.use(await startTcpServer((socket) => socket.pipe(socket)));
  const operator = stack.use(await startOperator());
  for (const thing of things) {
    const words = ["--thing", thing, "--map", `SSH=127.0.0.1:${echo.port}`, ...operator.server.local];
    const agent = stack.use(new AgentProcess(words, operator.env));
    await agent.waitFor("subscribed");
  }
  return { ...operator, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function startRun({ server, env }: Operator, ...words: readonly string[]) {
  return startTunnel(["run", ...server.local, ...words], env);
}

/** Whether a program that was started with this word still runs. */
function isRunning(word: string): boolean {
  return readdirSync("/proc").some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(word);
    } catch {
      return false; // it ended meanwhile
    }
  });
}

test("each thing of words and file gets the command once, through its own tunnel", async () => {
  await using operator = await startFleet("a", "b");
  using dir = tempDir();
  const file = join(dir.path, "things.txt");
  writeFileSync(file, "# the fleet\nb.thing   # twice\r\n\na\n");
  const { code, stdout, stderr } = await operator.run("run", "--thing", "a", "--things", file, "--", ...ASK);
  expect([code, stdout.split("\n").sort()]).toEqual([0, ["a: back: a", "b: back: b"]]);
  expect(stderr).toMatch(
    /^tunnel: a: exit code 0, [\d.]+ s\ntunnel: b: exit code 0, [\d.]+ s\ntunnel: 2 of 2 done$/m,
  );
  expect(await operator.openTunnels()).toEqual([]);
});

test("one that fails and one that never comes cost the others nothing, and are named", async () => {
  await using operator = await startFleet("a", "b");
  await operator.run("serve-local", "thing", "add", "away");
  const script = 'echo "to $TUNNEL_THING"; echo oops >&2; [ $TUNNEL_THING = a ]';
  const words = ["--thing", "away", "--thing", "a", "--thing", "b", "--wait", "200ms"];
  const { code, stdout, stderr } = await operator.run("run", ...words, "--", "sh", "-c", script);
  expect([code, stdout.split("\n").sort()]).toEqual([1, ["a: to a", "b: to b"]]);
  expect(stderr).toMatch(/^a: oops$/m);
  expect(stderr).toMatch(/^tunnel: away: error: .*\(is it on, .*--thing away/m);
  expect(stderr).toMatch(/^tunnel: b: exit code 1, [\d.]+ s$/m);
  expect(stderr.split("\n").at(-1)).toBe("tunnel: 1 of 3 done; failed: away, b");
  expect(await operator.openTunnels()).toEqual([]);
});

test("--parallel bounds how many run, and --json tells all as documents", async () => {
  await using operator = await startFleet("a", "b", "c");
  await using run = startRun(
    operator,
    "--things",
    "-",
    "--parallel",
    "1",
    "--json",
    "--",
    "sh",
    "-c",
    "printf 'x\\033y'",
  );
  run.send("a\nb\nc\n");
  run.send();
  expect((await run.exited).code).toBe(0);
  const documents = run.lines.stdout.map((line) => JSON.parse(line));
  const told = documents
    .map(({ event, thing }) => `${event} ${thing}`)
    .filter((each) => /ready|exit/.test(each));
  expect(told).toEqual(["ready a", "exit a", "ready b", "exit b", "ready c", "exit c"]);
  expect(documents.filter(({ event }) => event === "output")).toEqual(
    ["a", "b", "c"].map((thing) => ({
      time: expect.any(String),
      thing,
      event: "output",
      stream: "stdout",
      line: "x\u001by",
    })),
  );
  expect(documents.at(-1)).toMatchObject({ event: "summary", ok: ["a", "b", "c"], failed: [], notRun: [] });
});

test("Ctrl-C ends the commands with all that they started, starts no more and closes the tunnels", async () => {
  await using operator = await startFleet("a", "b");
  const word = `33${process.pid}`;
  const script = `sleep ${word} & echo started; wait`;
  await using run = startRun(
    operator,
    "--thing",
    "a",
    "--thing",
    "b",
    "--parallel",
    "1",
    "--",
    "sh",
    "-c",
    script,
  );
  await run.waitForLine(/^a: started$/, "stdout", 30_000);
  run.signal("SIGINT");
  expect((await run.exited).code).toBe(130);
  expect(run.stderr).toMatch(
    /^tunnel: a: exit code 130.*\ntunnel: b: not run\ntunnel: 0 of 2 done; failed: a; not run: b$/m,
  );
  await waitFor("the end of what the command started", async () => !isRunning(word));
  expect(await operator.openTunnels()).toEqual([]);
});

test("a second Ctrl-C kills commands that do not heed the first, and the tunnels are closed all the same", async () => {
  await using operator = await startFleet("a", "b");
  const word = `34${process.pid}`;
  const script = `trap "echo no" INT; echo started; while :; do sleep ${word}; done`;
  await using run = startRun(operator, "--thing", "a", "--thing", "b", "--", "sh", "-c", script);
  for (const thing of ["a", "b"]) await run.waitForLine(new RegExp(`^${thing}: started$`), "stdout", 30_000);
  run.signal("SIGINT");
  for (const thing of ["a", "b"]) await run.waitForLine(new RegExp(`^${thing}: no$`));
  run.signal("SIGINT");
  expect((await run.exited).code).toBe(130);
  expect(run.stderr).toMatch(/^tunnel: a: exit code 137/m);
  await waitFor("the end of what the commands started", async () => !isRunning(word));
  expect(await operator.openTunnels()).toEqual([]);
});

test("what a command leaves in the background, with its output open, does not hold the run", async () => {
  await using operator = await startFleet("a");
  using dir = tempDir();
  const pidFile = join(dir.path, "pid");
  const script = `sleep 1000 & echo $! > ${pidFile}; echo done`;
  const { code, stdout } = await operator.run("run", "--thing", "a", "--", "sh", "-c", script);
  process.kill(Number(readFileSync(pidFile, "utf8")));
  expect([code, stdout]).toEqual([0, "a: done"]);
});

test("all output arrives, however slowly it is read", async () => {
  await using operator = await startFleet("a");
  await using run = startRun(operator, "--thing", "a", "--", "seq", "200000");
  run.hold();
  await waitFor("the command to be under way", async () => /opened tunnel/.test(run.stderr));
  await new Promise((resolve) => setTimeout(resolve, 2_500)); // longer than silence is borne
  run.release();
  expect((await run.exited).code).toBe(0);
  expect([run.lines.stdout.length, run.lines.stdout.at(-1)]).toEqual([200_000, "a: 200000"]);
});

test("a reader that leaves does not hold the run", async () => {
  await using operator = await startFleet("a");
  await using run = startRun(operator, "--thing", "a", "--", "seq", "1000000");
  await run.waitForLine(/^a: 1$/, "stdout", 30_000);
  run.close();
  expect((await run.exited).code).toBe(0);
});

test("a fault that all share ends the run with its own code", async () => {
  await using operator = await startFleet("a", "b");
  const words = ["--thing", "a", "--thing", "b", "--parallel", "1"];
  const { code, stderr } = await operator.run("run", ...words, "--", "/no/such/program");
  expect([code, stderr]).toEqual([64, expect.stringContaining('cannot run "/no/such/program": not found')]);
  expect(stderr).toContain("not run: a, b");
  expect(await operator.openTunnels()).toEqual([]);
});

test.each([
  [["run", "--", "true"], 64, "--thing or --things is missing"],
  [["run", "--thing", "a"], 64, "no command after --"],
  [["run", "--thing", "a b", "--thing", "c", "--", "true"], 64, 'thing "a b" (from --thing)'],
  [["run", "--thing", "a", "--service", "X", "--service", "Y", "--", "true"], 64, "one --service"],
  [["run", "--things", "/no/such/file", "--", "true"], 78, "cannot read things from"],
  [["run", "--things", "/dev/zero", "--", "true"], 78, "cannot read things from"],
  [["run", "--thing", "a", "--parallel", "51", "--", "true"], 64, "--parallel"],
])("%p is refused with %p", async (words, expected, text) => {
  await using operator = await startOperator();
  const { code, stderr } = await operator.run(...words);
  expect([code, stderr]).toEqual([expected, expect.stringContaining(text)]);
});
