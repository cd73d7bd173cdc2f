// How a `connect --stdio` ends: by what became of its stream, for the process that owns the tunnel and for one that joined.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type Operator, startEchoOperator, startOperator, THING } from "../helpers/operators.ts";
import { TestProcess } from "../helpers/process.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tunnelCommand } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

setDefaultTimeout(30_000);

/** Two of which the second one has joined the first, both carrying. */
async function startBoth(
  operator: Operator,
  ...args: readonly string[]
): Promise<[owner: TestProcess, member: TestProcess]> {
  const owner = operator.connect("--stdio", ...args);
  await expectCarried(owner);
  const member = operator.connect("--stdio");
  await expectCarried(member);
  expect(member.stderr).toContain("joined the tunnel connect of process");
  return [owner, member];
}

async function expectCarried(connecting: TestProcess): Promise<void> {
  connecting.send("up\n");
  await connecting.waitForLine(/^up$/);
}

async function codesOf(both: readonly TestProcess[]): Promise<(number | null)[]> {
  return (await Promise.all(both.map(({ exited }) => exited))).map(({ code }) => code);
}

describe("of the owner and of a member alike", () => {
  test.each([
    ["--continuity", "off"],
    ["--resume-timeout", "1s"],
  ])(
    "a link that is lost for good is a failure: what it carried may have been cut short (%s %s)",
    async (option, value) => {
      await using operator = await startEchoOperator();
      const both = await startBoth(operator, option, value);
      await using _owner = both[0];
      await using _member = both[1];
      await operator.server.process.kill();
      expect(await codesOf(both)).toEqual([69, 69]);
      for (const { stderr } of both) {
        expect(stderr).toContain("tunnel: error: the tunnel lost this connection");
      }
    },
  );

  test("a source that another one has replaced is said to be", async () => {
    await using operator = await startEchoOperator();
    const both = await startBoth(operator);
    await using _owner = both[0];
    await using _member = both[1];
    const [tunnelId = ""] = await operator.openTunnels();
    await operator.takeAway(tunnelId);
    expect(await codesOf(both)).toEqual([77, 77]);
  });

  test("a tunnel that is closed is none, as for every proxy", async () => {
    await using operator = await startEchoOperator();
    const both = await startBoth(operator);
    await using _owner = both[0];
    await using _member = both[1];
    await operator.run("close", (await operator.openTunnels())[0] ?? "");
    expect(await codesOf(both)).toEqual([0, 0]);
  });

  test("the other end's own end is none, and all that it said has come", async () => {
    const lines = Array.from({ length: 20_000 }, (_, at) => `line ${at}`);
    await using server = await startTcpServer(async (socket) => {
      await once(socket, "data");
      socket.write("up\n");
      await once(socket, "data");
      socket.end(lines.join("\n"));
    });
    await using operator = await startOperator();
    await operator.startDevice(server.port);
    const both = await startBoth(operator);
    await using _owner = both[0];
    await using _member = both[1];
    for (const each of both) each.send("now\n");
    expect(await codesOf(both)).toEqual([0, 0]);
    for (const { stdout } of both) expect(stdout).toBe(["up", ...lines].join("\n"));
  });

  test("a reader that has had enough is none, in the middle of a transfer", async () => {
    await using operator = await startEchoOperator();
    const both = await startBoth(operator);
    await using _owner = both[0];
    await using _member = both[1];
    for (const each of both) each.close();
    for (const each of both) each.send(`${"x".repeat(1024 * 1024)}\n`);
    expect(await codesOf(both)).toEqual([0, 0]);
  });
});

test("an owner that is killed is a failure of its member", async () => {
  await using operator = await startEchoOperator();
  const [owner, member] = await startBoth(operator);
  await using _ = member;
  await owner.kill();
  expect((await member.exited).code).toBe(69);
  expect(member.stderr).toContain("the tunnel connect that carried this connection has ended");
});

test("whoever reads late gets all of it, and the sender is held back meanwhile", async () => {
  const bytes = 64 * 1024 * 1024;
  let sent = 0;
  await using service = await startTcpServer(async (socket) => {
    for (const chunk = Buffer.alloc(64 * 1024, "x"); sent < bytes; sent += chunk.length) {
      if (!socket.write(chunk)) await once(socket, "drain");
    }
    socket.end();
  });
  await using operator = await startOperator();
  await operator.startDevice(service.port);
  // Its input is at its end, so nothing but the output keeps it.
  const words = [...tunnelCommand(), "connect", "--stdio", "--thing", THING, "--service", "SSH"];
  const script = `exec 3< <("$@" < /dev/null); echo started; read go; cat <&3 | wc -c`;
  await using late = new TestProcess("bash", ["-c", script, "bash", ...words, ...operator.server.local], {
    ...operator.env,
    PATH: process.env["PATH"],
  });
  await late.waitForLine(/started/);
  let before = -1;
  await waitFor("the sender to be held back", async () => {
    const isHeld = sent > 0 && sent === before;
    before = sent;
    await sleep(1_500); // longer than the process waits for its output at its end
    return isHeld;
  });
  expect(sent).toBeLessThan(bytes);
  late.send("go\n");
  expect((await late.exited).code).toBe(0);
  expect(late.lines.stdout.at(-1)).toBe(String(bytes));
});
