// `tunnel connect`: joining, reusing, opening, waiting, carrying, cleaning up.
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { exchange, portOf, startEchoOperator, startOperator, THING } from "../helpers/operators.ts";
import { waitFor, within } from "../helpers/wait.ts";

setDefaultTimeout(20_000);

const CONNECT = ["connect", "--thing", THING, "--service", "SSH"];

describe("a command", () => {
  test("gets host and port, no tokens, and its exit code is ours", async () => {
    await using operator = await startEchoOperator();
    const script = 'env | grep -c "^AWSIOT_TUNNEL_\\|^BUN_BE_BUN"; echo "$TUNNEL_HOST:$TUNNEL_PORT"; exit 7';
    await using connecting = operator.connect("--", "sh", "-c", script);
    expect(await connecting.exited).toEqual({ code: 7, signal: null });
    expect(connecting.stdout).toMatch(/^0\n127\.0\.0\.1:\d+$/);
    expect(connecting.stderr).toMatch(/opened tunnel \S+ to Pump-7, ends .* left\)$/m);
    expect(connecting.stderr).toMatch(/closed tunnel/);
    expect(await operator.openTunnels()).toEqual([]);
  });

  test("that cannot be started leaves no tunnel", async () => {
    await using operator = await startEchoOperator();
    const { code, stderr } = await operator.run(...CONNECT, "--", "/no/such/program");
    expect([code, stderr.includes("cannot run")]).toEqual([64, true]);
    expect(await operator.openTunnels()).toEqual([]);
  });
});

test("standard input and output are carried; the end of the input leaves the way back open", async () => {
  await using operator = await startEchoOperator();
  await using connecting = operator.connect("--stdio");
  connecting.send("through the tunnel\n");
  connecting.send();
  expect((await connecting.exited).code).toBe(0);
  expect(connecting.stdout).toBe("through the tunnel");
  expect(await operator.openTunnels()).toEqual([]);
});

describe("two at once", () => {
  test("share one tunnel, on sockets that nobody else can use, and it ends with the last", async () => {
    await using operator = await startEchoOperator();
    await using first = operator.connect();
    await using second = operator.connect("-p", "0", "--json");
    const port = await portOf(first);
    const listening = await second.waitForLine(/"event":"listening"/);
    const secondPort = JSON.parse(listening.input).port;
    expect(await Promise.all([exchange(port, "1"), exchange(secondPort, "2")])).toEqual(["1", "2"]);
    expect(await operator.openTunnels()).toHaveLength(1);
    expect(modes(operator.meetingDirectory)).toEqual({
      ".": 0o700,
      control: 0o600,
      lock: 0o600,
    });
    const isFirstOwner = /opened tunnel/.test(first.stderr);
    const [owner, member, memberPort] = isFirstOwner ? [first, second, secondPort] : [second, first, port];
    owner.signal("SIGINT");
    await owner.waitForLine(
      isFirstOwner ? /1 more on this machine uses this tunnel/ : /in-use/,
      isFirstOwner ? "stderr" : "stdout",
    );
    expect(await exchange(memberPort, "still there")).toBe("still there");
    await expectRefused(isFirstOwner ? port : secondPort);
    member.signal("SIGINT");
    expect((await member.exited).code).toBe(130);
    expect((await owner.exited).code).toBe(130);
    expect(await operator.openTunnels()).toEqual([]);
    expect(readdirSync(operator.meetingDirectory).map(extension)).toEqual(["lock"]);
  });

  test("what the tunnel loses ends with a reset, whoever of them listens", async () => {
    await using operator = await startEchoOperator();
    await using owner = operator.connect("--continuity", "off");
    const ports = [await portOf(owner)];
    await using member = operator.connect("--continuity", "off");
    ports.push(await portOf(member));
    const sockets = await Promise.all(
      ports.map(async (port) => {
        const socket = connect(port, "127.0.0.1");
        socket.write("x");
        await once(socket, "data");
        return socket;
      }),
    );
    const ends = sockets.map(async (socket) => {
      const [error] = await once(socket, "error");
      return error.code;
    });
    await operator.server.process.kill();
    expect(await within("the end of both", Promise.all(ends), 10_000)).toEqual(["ECONNRESET", "ECONNRESET"]);
  });

  test("a second Ctrl-C ends the owner at once, and the tunnel with it", async () => {
    await using operator = await startEchoOperator();
    await using owner = operator.connect();
    await portOf(owner);
    await using member = operator.connect();
    await portOf(member);
    owner.signal("SIGINT");
    await owner.waitForLine(/1 more on this machine/, "stderr");
    owner.signal("SIGINT");
    expect((await owner.exited).code).toBe(130);
    expect((await member.exited).code).toBe(0);
    expect(await operator.openTunnels()).toEqual([]);
  });

  test("when the owner is killed the other one says so, and the next takes up its tunnel", async () => {
    await using operator = await startEchoOperator();
    await using owner = operator.connect();
    await portOf(owner);
    await using member = operator.connect();
    await portOf(member);
    await owner.kill();
    expect((await member.exited).code).toBe(69);
    expect(member.stderr).toContain("the tunnel connect that carried this connection has ended");
    const [leftOver = ""] = await operator.openTunnels();
    await using next = operator.connect();
    const port = await portOf(next);
    expect(next.stderr).toContain(`taking up the left-over tunnel ${leftOver}`);
    expect(await exchange(port, "again")).toBe("again");
    await next.stop();
    expect(await operator.openTunnels()).toEqual([]);
  });
});

test.each([24, 200])(
  "200 short ones, %i at a time, all end: none is left with an owner that closes",
  async (atATime) => {
    await using operator = await startEchoOperator();
    let started = 0;
    const codes: (number | null)[] = [];
    const runner = async () => {
      while (started++ < 200) {
        await using connecting = operator.connect("--", "true");
        const { code } = await within("the end of a connect", connecting.exited, 60_000);
        codes.push(code);
        if (code !== 0) expect(connecting.stderr).toBe("");
      }
    };
    await Promise.all(Array.from({ length: atATime }, runner));
    expect(codes).toEqual(Array(200).fill(0));
    expect(await operator.openTunnels()).toEqual([]);
    expect(readdirSync(operator.meetingDirectory).map(extension)).toEqual(["lock"]);
  },
  180_000,
);

describe("an open tunnel of the thing", () => {
  test("is reused, also when its device missed the notification, and stays open", async () => {
    await using operator = await startOperator();
    const opened = await operator.run("open", "--thing", THING, "--service", "SSH", "--json");
    const { tunnelId } = JSON.parse(opened.stdout);
    const { startTcpServer } = await import("../helpers/servers.ts");
    await using echo = await startTcpServer();
    await operator.startDevice(echo.port);
    await using connecting = operator.connect();
    const port = await portOf(connecting);
    expect(connecting.stderr).toContain(`reusing the open tunnel ${tunnelId}`);
    expect(connecting.stderr).toContain("it is notified again");
    expect(await exchange(port, "reused")).toBe("reused");
    expect((await connecting.stop()).code).toBe(143);
    expect(connecting.stderr).toContain("stays open: it was open before");
    expect(await operator.openTunnels()).toEqual([tunnelId]);
  });

  test("whose source is connected is left alone, or taken over on request; who lost it ends with 77", async () => {
    await using operator = await startEchoOperator();
    const opened = await operator.run("open", "--thing", THING, "--service", "SSH", "--json");
    const { tunnelId } = JSON.parse(opened.stdout);
    const { startTunnel } = await import("../helpers/tunnel.ts");
    await using source = startTunnel(["proxy", "source", "-p", "0", ...operator.server.local], operator.env);
    await source.waitForLine(/listening/);
    await using other = operator.connect();
    await portOf(other);
    expect(other.stderr).toContain("opened tunnel");
    await other.stop();
    await using taking = operator.connect("--take-over");
    await portOf(taking);
    expect(taking.stderr).toContain(`taking over the tunnel ${tunnelId}`);
    expect((await source.exited).code).toBe(77);
    // And the other way round: a token that was replaced is not replaced again.
    await operator.takeAway(tunnelId);
    expect((await taking.exited).code).toBe(77);
    expect(await operator.openTunnels()).toEqual([tunnelId]);
  });

  test("a command ends with the tunnel that was taken away, with 77, and what was opened stays for who took it", async () => {
    await using operator = await startEchoOperator();
    await using connecting = operator.connect("--", "sh", "-c", "echo up; exec sleep 60");
    await connecting.waitForLine(/up/);
    const [tunnelId = ""] = await operator.openTunnels();
    await operator.takeAway(tunnelId);
    expect((await connecting.exited).code).toBe(77);
    expect(connecting.stderr).toContain("stays open: somebody else uses it now");
    expect(await operator.openTunnels()).toEqual([tunnelId]);
  });

  test("that is closed ends a connect with 0", async () => {
    await using operator = await startEchoOperator();
    await using connecting = operator.connect();
    await portOf(connecting);
    const [tunnelId = ""] = await operator.openTunnels();
    await operator.run("close", tunnelId);
    expect((await connecting.exited).code).toBe(0);
  });
});

test("--keep leaves the tunnel open, and it is not left over", async () => {
  await using operator = await startEchoOperator();
  expect((await operator.run(...CONNECT, "--keep", "--", "true")).code).toBe(0);
  expect(await operator.openTunnels()).toHaveLength(1);
  expect(await operator.openTunnels("--stale")).toEqual([]);
});

test("a device that does not come is notified twice, then it is 75", async () => {
  await using operator = await startOperator();
  const { code, stderr } = await operator.run(...CONNECT, "--wait", "600ms");
  expect(code).toBe(75);
  expect(stderr).toContain("waiting for Pump-7 to connect");
  expect(stderr).toContain("Pump-7 has not come; it is notified again");
  expect(stderr).toMatch(/error: Pump-7 did not connect in 1 s, though it was notified twice/);
  expect(stderr).toContain("hint: is it on, and does an agent run there? tunnel agent --local");
  expect(await operator.openTunnels()).toEqual([]);
  const asJson = await operator.run(...CONNECT, "--wait", "100ms", "--json");
  expect(JSON.parse(asJson.stderr.split("\n").at(-1) ?? "").error.code).toBe("ERR_NO_DEVICE");
});

test("what a kill -9 left over is found and closed, and nothing else", async () => {
  await using operator = await startEchoOperator();
  const opened = await operator.run("open", "--thing", "other", "--service", "SSH", "--json");
  const { tunnelId: unrelated } = JSON.parse(opened.stdout);
  await using killed = operator.connect();
  await portOf(killed);
  const [leftOver = ""] = await operator.openTunnels("--thing", THING);
  expect(await operator.openTunnels("--stale")).toEqual([]);
  await killed.kill();
  await waitFor("the tunnel to be left over", async () =>
    (await operator.openTunnels("--stale")).includes(leftOver),
  );
  const closed = await operator.run("close", "--stale");
  expect(closed.stdout).toBe(`closed ${leftOver}`);
  expect(await operator.openTunnels()).toEqual([unrelated]);
  expect(await operator.openTunnels("--stale")).toEqual([]);
});

test("the end of the tunnel is told before it comes", async () => {
  await using operator = await startEchoOperator();
  await using connecting = operator.connect("--lifetime", "5m");
  await connecting.waitForLine(/ends .*5 min left\), and its connections with it/, "stderr");
});

describe("mistakes", () => {
  test.each([
    [["connect"], "--thing is missing"],
    [["connect", "--thing", THING], "one --service"],
    [["connect", "--thing", THING, "--service", "A", "--service", "B"], "one --service"],
    [[...CONNECT, "--stdio", "-p", "1"], "--stdio goes without"],
    [[...CONNECT, "--stdio", "--", "true"], "--stdio goes without"],
    [[...CONNECT, "--"], "no command after --"],
    [[...CONNECT, "-p", "VNC=1"], "one address, for SSH"],
    [[...CONNECT, "-p", "/run/x.sock", "--", "true"], "gets a port"],
    [["close"], "ID is missing"],
    [["close", "abc", "--stale"], "--stale goes without"],
  ] as const)("%p", async (args, message) => {
    const { runTunnel } = await import("../helpers/tunnel.ts");
    const { code, stderr } = await runTunnel(args);
    expect([code, stderr.includes(message)]).toEqual([64, true]);
  });
});

function modes(directory: string): Record<string, number> {
  const entries = readdirSync(directory).map((name) => [
    extension(name),
    statSync(join(directory, name)).mode & 0o777,
  ]);
  return { ".": statSync(directory).mode & 0o777, ...Object.fromEntries(entries) };
}

function extension(name: string): string {
  return name.slice(name.indexOf(".") + 1);
}

async function expectRefused(port: number): Promise<void> {
  const failure = await exchange(port, "x").then(
    () => undefined,
    (error) => error.code,
  );
  expect(failure).toBe("ECONNREFUSED");
}
