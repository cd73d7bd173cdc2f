// Keys on a real terminal, hang-ups, and who gets them.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { quoteForShell } from "../../src/base/shell.ts";
import { pause } from "../helpers/agents.ts";
import { exchange, portOf, startEchoOperator, startOperator, THING } from "../helpers/operators.ts";
import { TestProcess } from "../helpers/process.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { CTRL_BACKSLASH, CTRL_C, onTerminal } from "../helpers/terminal.ts";
import { tunnelCommand } from "../helpers/tunnel.ts";
import { waitFor } from "../helpers/wait.ts";

setDefaultTimeout(30_000);

/** As an interpreter does it: says what it gets, and ends when it wants to. */
const HARDY = `
import os, signal, time
count = 0
def interrupted(number, frame):
    global count
    count += 1
    os.write(1, b"interrupt %d\\n" % count)
    if count == 4:
        os._exit(9)
signal.signal(signal.SIGINT, interrupted)
os.write(1, b"up\\n")
while True:
    time.sleep(10)
`;

const CONNECT = ["connect", "--thing", THING, "--service", "SSH"];
const SERVE = ["serve-local", "--ephemeral", "--listen", "127.0.0.1:0", "--no-mqtt"];

describe("a command on a terminal", () => {
  test.each([
    ["connect", CONNECT],
    ["serve-local", SERVE],
  ])("of %s gets every Ctrl-C, and its code is ours", async (name, words) => {
    await using operator = await startEchoOperator();
    const local = name === "connect" ? operator.server.local : [];
    const command = [...tunnelCommand(), ...words, ...local, "--", "python3", "-c", HARDY];
    await using terminal = onTerminal(command, operator.env);
    await terminal.waitForLine(/^up/);
    for (let count = 1; count <= 4; count += 1) {
      terminal.send(CTRL_C);
      await terminal.waitForLine(new RegExp(`interrupt ${count}`));
    }
    expect(await terminal.exited).toEqual({ code: 9, signal: null });
    expect(await operator.openTunnels()).toEqual([]);
  });

  test.each([
    [CTRL_C, "INT", "echo up; exec sleep 20", 130],
    [CTRL_BACKSLASH, "QUIT", "trap 'exit 4' QUIT; echo up; while :; do sleep 0.05; done", 4],
  ])("that a key ends (%j, SIG%s) leaves no tunnel", async (key, _, script, code) => {
    await using operator = await startEchoOperator();
    const words = [...CONNECT, ...operator.server.local, "--", "sh", "-c", script];
    await using terminal = onTerminal([...tunnelCommand(), ...words], operator.env);
    await terminal.waitForLine(/^up/);
    terminal.send(key);
    expect(await terminal.exited).toEqual({ code, signal: null });
    expect(await operator.openTunnels()).toEqual([]);
  });

  test("in the background gets the interrupt that was sent to us alone", async () => {
    await using operator = await startEchoOperator();
    const inner = "trap 'exit 5' INT; echo up; while :; do sleep 0.05; done";
    const words = [...tunnelCommand(), ...CONNECT, ...operator.server.local, "--", "sh", "-c", inner];
    const outer = '"$@" & read line; kill -INT $!; wait $!; echo "code $?"';
    await using terminal = onTerminal(["sh", "-mc", outer, "sh", ...words], operator.env);
    await terminal.waitForLine(/^up/);
    terminal.send("\n");
    await terminal.waitForLine(/^code 5/);
  });
});

describe("an ssh that goes away while its device is awaited", () => {
  test.each([
    ["killed", "\n", "$SSH & ssh=$!; read line; kill -9 $ssh; wait $ssh"],
    ["by Ctrl-C", CTRL_C, "trap : INT; $SSH"],
  ])(
    "%s: nothing is printed after the prompt, the tunnel is closed, nobody is told again",
    async (_, keys, ssh) => {
      await using operator = await startOperator();
      const words = [...tunnelCommand(), ...CONNECT, ...operator.server.local, "--wait", "3s", "--stdio"];
      const proxy = `ProxyCommand=${words.map(quoteForShell).join(" ")}`;
      const script = `${ssh.replace("$SSH", 'ssh -o "$1" -o BatchMode=yes a.thing')}; echo PROMPT; read line; echo END`;
      await using terminal = onTerminal(["bash", "-c", script, "bash", proxy], {
        ...operator.env,
        HOME: operator.server.stateDir,
      });
      await terminal.waitForLine(/waiting for Pump-7 to connect/);
      terminal.send(keys);
      await terminal.waitForLine(/PROMPT/);
      await waitFor("the end of the tunnel", async () => (await operator.openTunnels()).length === 0, 3_000);
      terminal.send("\n");
      await terminal.waitForLine(/END/);
      const { stdout } = terminal;
      expect(stdout.slice(stdout.indexOf("PROMPT")).replace(/\s/g, "")).toBe("PROMPTEND");
      expect(stdout).not.toContain("notified again");
    },
  );

  test("but one that only has no more to say is waited for", async () => {
    await using echo = await startTcpServer();
    await using operator = await startOperator();
    await using connecting = operator.connect("--stdio");
    connecting.send("said before anybody was there");
    connecting.send();
    await connecting.waitForLine(/waiting for Pump-7 to connect/, "stderr");
    await pause(1_000);
    await operator.startDevice(echo.port);
    await operator.run("rotate", (await operator.openTunnels())[0] ?? "", "--mode", "destination");
    expect((await connecting.exited).code).toBe(0);
    expect(connecting.stdout).toBe("said before anybody was there");
  });
});

describe("under nohup", () => {
  test("a hang-up passes connect by, and whoever runs inside", async () => {
    await using operator = await startEchoOperator();
    const words = [...tunnelCommand(), ...CONNECT, ...operator.server.local];
    await using connecting = new TestProcess("nohup", words, { PATH: process.env["PATH"], ...operator.env });
    const port = await portOf(connecting);
    connecting.signal("SIGHUP");
    expect(await exchange(port, "still there")).toBe("still there");
    const inner = 'echo "pid $$"; while :; do sleep 0.05; done';
    const inside = [...words, "--", "sh", "-c", inner];
    await using around = new TestProcess("nohup", inside, { PATH: process.env["PATH"], ...operator.env });
    const [, pid] = await around.waitForLine(/^pid (\d+)$/);
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    expect(BigInt(`0x${mask}`) & 1n).toBe(1n);
    around.signal("SIGTERM");
    expect((await around.exited).code).toBe(143);
    expect((await connecting.stop()).code).toBe(143);
  });
});
