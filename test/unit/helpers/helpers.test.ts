import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { TestProcess } from "../../helpers/process.ts";
import { startHttpServer, startTcpServer } from "../../helpers/servers.ts";
import { startSshd } from "../../helpers/sshd.ts";
import { tempDir } from "../../helpers/temp-dir.ts";
import { waitFor, within } from "../../helpers/wait.ts";

const shell = (script: string) => new TestProcess("sh", ["-c", script], process.env);

describe("TestProcess", () => {
  test("finds lines said before and after it is asked, on either stream", async () => {
    await using child = shell("echo one; echo two >&2; read -r line; echo got $line; exec sleep 100");
    await child.waitForLine(/^one$/);
    await child.waitForLine(/^two$/, "stderr");
    child.send("three\n");
    const match = await child.waitForLine(/^got (\w+)$/);
    expect(match[1]).toBe("three");
    expect(await child.stop()).toEqual({ code: null, signal: "SIGTERM" });
  });

  test("says what the process said when the line does not come", async () => {
    await using child = shell("echo no such luck; exit 3");
    await expect(child.waitForLine(/ready/)).rejects.toThrow("no such luck");
    expect(await child.exited).toEqual({ code: 3, signal: null });
  });

  test("is killed when it goes out of scope", async () => {
    let pid: number;
    {
      await using child = shell("echo up; exec sleep 100");
      await child.waitForLine(/up/);
      pid = child.pid;
    }
    expect(() => process.kill(pid, 0)).toThrow();
  });

  test("fails when there is no such program", async () => {
    const child = new TestProcess("/no/such/program", [], {});
    expect(() => child.pid).toThrow("did not start");
    await expect(child.exited).rejects.toThrow("ENOENT");
  });
});

test("tempDir removes the directory with what is in it", () => {
  let path: string;
  {
    using dir = tempDir();
    path = dir.path;
    writeFileSync(join(path, "file"), "x");
  }
  expect(existsSync(path)).toBe(false);
});

test("waitFor and within name what did not come", async () => {
  await expect(waitFor("rain", () => false, 30)).rejects.toThrow("waited 30 ms for rain");
  await expect(within("snow", new Promise(() => {}), 30)).rejects.toThrow("waited 30 ms for snow");
  expect(await waitFor("sun", () => "sun")).toBe("sun");
});

test("the HTTP server sends back what it is sent", async () => {
  await using server = await startHttpServer();
  const response = await fetch(`http://127.0.0.1:${server.port}/`, { method: "POST", body: "hello" });
  expect(await response.text()).toBe("hello");
});

test("the TCP server answers after the client has ended its side", async () => {
  await using server = await startTcpServer();
  const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.end("hello");
  expect(await text(socket)).toBe("hello");
});

test("sshd lets this user in", async () => {
  await using sshd = await startSshd();
  const args = [...sshd.clientOptions, "-p", `${sshd.port}`, `${sshd.user}@127.0.0.1`, "echo $((6 * 7))"];
  expect(execFileSync("ssh", args, { encoding: "utf8" })).toBe("42\n");
});
