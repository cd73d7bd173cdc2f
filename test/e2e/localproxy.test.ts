// The reference proxy's command line, side by side with the reference itself, and with real bytes.
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { TestProcess } from "../helpers/process.ts";
import { dialLocal, startEmulator, type TestEmulator } from "../helpers/proxies.ts";
import { REFERENCE_PROXY, testWithReference } from "../helpers/reference.ts";
import { freePort, startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { BINARY, runTunnel, startTunnel } from "../helpers/tunnel.ts";
import { within } from "../helpers/wait.ts";

const TOKEN = "a".repeat(100);
const WITH_TOKEN = { AWSIOT_TUNNEL_ACCESS_TOKEN: TOKEN };

/** Command lines that end before anything is dialled, with the exit code of ours. */
const WRONG: readonly (readonly [words: readonly string[], env?: NodeJS.ProcessEnv, code?: number])[] = [
  [[]],
  [["-Z"]],
  [["-kZ"]],
  [["--zed=1"]],
  [["-v"]],
  [["-kv"]],
  [["--ver"]],
  [["--co", "x"]],
  [["--verbose=abc"]],
  [["--verbose="]],
  [["-v=4"]],
  [["-t", "x", "-t", "y"]],
  [["-t", "-r", "x"]],
  [["--no-ssl-host-verify=1"]],
  [["--config=/nonexistent"]],
  [["-t", "x", "-s", "5555"]],
  [["-s", "5555"], WITH_TOKEN],
  [["-r", "us-east-1", "-e", "a:1", "-s", "5555"], WITH_TOKEN],
  [["-e", "a:1", "-s", "5555"], { ...WITH_TOKEN, AWSIOT_TUNNEL_REGION: "us-east-1" }],
  [["-r", "us-east-1"], WITH_TOKEN],
  [["-r", "us-east-1", "-s", "5555", "-d", "127.0.0.1:22"], WITH_TOKEN],
  [["-r", "us-east-1", "-m", "bogus"], WITH_TOKEN],
  [["-r", "us-east-1", "-s", "5555", "-m", "dst"], WITH_TOKEN],
  [["-r", "us-east-1", "-d", "5555", "-m", "source"], WITH_TOKEN],
  [["-r", "US_EAST", "-s", "5555"], WITH_TOKEN],
  [["-e", "a b", "-s", "5555"], WITH_TOKEN],
  [["-e", "a:99999", "-s", "5555"], WITH_TOKEN],
  [["-r", "us-east-1", "-s", "0"], WITH_TOKEN],
  [["-r", "us-east-1", "-s", "70000"], WITH_TOKEN],
  [["-r", "us-east-1", "-s", "A=1,2"], WITH_TOKEN],
  [["-r", "us-east-1", "-s", "A="], WITH_TOKEN],
  [["-r", "us-east-1", "-s", "A=1,A=0"], WITH_TOKEN],
  [["-r", "us-east-1", "-s", "1", "-i", "short"], WITH_TOKEN],
  [["-r", "us-east-1", "-s", "1", "-c", ""], WITH_TOKEN],
  [["-r", "us-east-1", "-m", "src", "--config-dir", "/nonexistent"], WITH_TOKEN, 78],
  [["-r", "us-east-1", "-s", "1", "--settings-json", "/nonexistent"], WITH_TOKEN, 78],
];

/** Output without times, thread numbers and the version's number. */
function normal(lines: readonly string[]): string[] {
  return lines.map((line) =>
    line.replace(/^\[[\d\- :.]+\] \(0x[0-9a-f]{16}\) /, "").replace(/version: v3\.3\.1\+.*$/, "version:"),
  );
}

async function runReference(words: readonly string[], env: NodeJS.ProcessEnv) {
  await using child = new TestProcess(REFERENCE_PROXY, words, { PATH: process.env["PATH"], ...env });
  const { code } = await within("the reference's end", child.exited);
  return { code, stdout: normal(child.lines.stdout), stderr: normal(child.lines.stderr) };
}

describe("a wrong command line", () => {
  testWithReference(
    "is answered with the reference's own sentences",
    async () => {
      for (const [words, env = {}, code = 1] of WRONG) {
        const theirs = await runReference(words, env);
        await using child = startTunnel(["localproxy", ...words], env);
        const ours = await child.exited;
        expect({
          words,
          stdout: normal(child.lines.stdout),
          stderr: normal(child.lines.stderr),
        }).toEqual({ words, stdout: theirs.stdout, stderr: theirs.stderr });
        expect({ words, theirs: theirs.code, ours: ours.code }).toEqual({ words, theirs: 1, ours: code });
      }
    },
    60_000,
  );

  testWithReference("exports the reference's default settings", async () => {
    using dir = tempDir();
    const [theirs, ours] = [join(dir.path, "theirs.json"), join(dir.path, "ours.json")];
    await runReference(["--export-default-settings", theirs], {});
    expect((await runTunnel(["localproxy", "--export-default-settings", ours])).code).toBe(0);
    expect(readFileSync(ours, "utf8")).toBe(readFileSync(theirs, "utf8"));
  });

  test("names the option at fault and points at the help, with exit code 1", async () => {
    const { code, stdout, stderr } = await runTunnel(["localproxy", "-Z"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Running AWS IoT Secure Tunneling Local Proxy version: v3\.3\.1\+tunnel\./);
    expect(stderr).toBe("unrecognised option '-Z'\nTry 'localproxy --help' for a list of options.");
  });

  test("--help and --version end with 0", async () => {
    const help = await runTunnel(["localproxy", "--help"]);
    expect(help.code).toBe(0);
    expect(help.stderr).toContain("-s [ --source-listen-port ] arg");
    const version = await runTunnel(["localproxy", "-V"]);
    expect(version).toMatchObject({ code: 0, stderr: "" });
  });
});

/** Our localproxy against an emulator; `env` carries the token. */
function start(
  emulator: TestEmulator,
  token: { reveal(): string },
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
): TestProcess {
  return startTunnel(
    ["localproxy", "-e", `localhost:${emulator.port}`, "-c", emulator.running.caDirectory, ...words],
    { AWSIOT_TUNNEL_ACCESS_TOKEN: token.reveal(), ...env },
  );
}

async function echo(port: number, text: string): Promise<string> {
  const socket = await dialLocal(port);
  socket.write(text);
  const [data] = await within("an echo", once(socket, "data"));
  socket.destroy();
  return String(data);
}

/** The lines scripts wait for: what the reference's own acceptance tests look for, and more. */
const SOURCE_LINES = [
  /^\[info\] Starting proxy in source mode$/,
  /^\[info\] Attempting to establish web socket connection with endpoint wss:\/\/localhost:\d+$/,
  /^\[info\] Web socket session ID: \S+$/,
  /^\[info\] Successfully established websocket connection with proxy server: wss:\/\/localhost:\d+$/,
  /^\[info\] Listening for new connection on port \d+$/,
  /^\[info\] Accepted tcp connection on port \d+ from 127\.0\.0\.1:\d+$/,
];
const DESTINATION_LINES = [
  /^\[info\] Starting proxy in destination mode$/,
  /^\[info\] Successfully established websocket connection with proxy server: wss:\/\/localhost:\d+$/,
  /^\[info\] Connected to 127\.0\.0\.1, port: \d+$/,
];

function expectLines(child: TestProcess, patterns: readonly RegExp[]): void {
  const said = normal(child.lines.stderr);
  for (const pattern of patterns) {
    expect({ pattern: String(pattern), found: said.some((line) => pattern.test(line)), said }).toMatchObject({
      found: true,
    });
  }
}

/** Named after who sits on which side; the reference takes part where LOCALPROXY names it. */
async function carry(first: "ours" | "theirs", second: "ours" | "theirs") {
  await using app = await startTcpServer();
  await using emulator = await startEmulator();
  const { tokens } = emulator.open(["SSH"]);
  const port = await freePort();
  const make = (who: "ours" | "theirs", token: { reveal(): string }, words: readonly string[]) =>
    who === "ours"
      ? start(emulator, token, words)
      : new TestProcess(
          REFERENCE_PROXY,
          ["-e", `localhost:${emulator.port}`, "-c", emulator.running.caDirectory, ...words],
          { PATH: process.env["PATH"], AWSIOT_TUNNEL_ACCESS_TOKEN: token.reveal() },
        );
  await using destination = make(second, tokens.destination, ["-d", `SSH=127.0.0.1:${app.port}`]);
  await destination.waitForLine(/Successfully established websocket connection/, "stderr");
  await using source = make(first, tokens.source, [`--source-listen-port=SSH=${port}`]);
  await source.waitForLine(/Listening for new connection on port/, "stderr");
  expect(await echo(port, "hello")).toBe("hello");
  await destination.waitForLine(/Connected to 127\.0\.0\.1/, "stderr");
  expectLines(source, SOURCE_LINES);
  expectLines(destination, DESTINATION_LINES);
}

describe("carrying bytes", () => {
  test("from our localproxy to our localproxy", () => carry("ours", "ours"));
  testWithReference("from the reference to our localproxy", () => carry("theirs", "ours"));
  testWithReference("from our localproxy to the reference", () => carry("ours", "theirs"));

  test("-m src takes free ports and says them; -d with an unnamed port; V1; SIGTERM ends with 0", async () => {
    await using app = await startTcpServer();
    await using emulator = await startEmulator();
    const { tokens } = emulator.open(["SSH"]);
    await using destination = start(emulator, tokens.destination, ["-d", String(app.port)]);
    await destination.waitForLine(/Updated port mapping for v1 format:/, "stderr");
    await destination.waitForLine(new RegExp(`SSH = ${app.port}$`), "stderr");
    await using source = start(emulator, tokens.source, ["-m", "src", "-y", "V2", "-v", "5"]);
    await source.waitForLine(/setting source protocol to V2/, "stderr");
    await source.waitForLine(/SSH = 0$/, "stderr");
    const [, port] = await source.waitForLine(/Listening for new connection on port (\d+)/, "stderr");
    await source.waitForLine(/Listen port assigned for service id SSH\. New port mapping:/, "stderr");
    expect(await echo(Number(port), "hello")).toBe("hello");
    for (const child of [source, destination]) expect(await child.stop()).toEqual({ code: 0, signal: null });
  });

  test("--config, --config-dir and --settings-json, several services, -v 0 says nothing", async () => {
    await using app = await startTcpServer();
    await using emulator = await startEmulator();
    const { tokens } = emulator.open(["SSH", "VNC"]);
    using dir = tempDir();
    mkdirSync(join(dir.path, "maps/deep"), { recursive: true });
    writeFileSync(join(dir.path, "maps/a.ini"), `SSH = 127.0.0.1:${app.port}\n`);
    writeFileSync(join(dir.path, "maps/deep/b.ini"), `VNC=127.0.0.1:${app.port}\nSSH=127.0.0.1:1\n`);
    const settings = { tunneling: { proxy: { default_bind_address: "127.0.0.2" } } };
    writeFileSync(join(dir.path, "settings.json"), JSON.stringify(settings));
    const [ssh, vnc] = [await freePort(), await freePort()];
    writeFileSync(
      join(dir.path, "source.ini"),
      `# both\nproxy-endpoint = localhost:${emulator.port}\nsource-listen-port = SSH=${ssh},VNC=${vnc}\ncapath = ${emulator.running.caDirectory}\n`,
    );
    await using destination = start(emulator, tokens.destination, [
      "-m",
      "dst",
      "--config-dir",
      join(dir.path, "maps"),
    ]);
    await destination.waitForLine(/Use port mapping:/, "stderr");
    await using source = startTunnel(
      [
        "localproxy",
        "--config",
        join(dir.path, "source.ini"),
        "--settings-json",
        join(dir.path, "settings.json"),
      ],
      { AWSIOT_TUNNEL_ACCESS_TOKEN: tokens.source.reveal() },
    );
    await source.waitForLine(new RegExp(`Listening for new connection on port ${vnc}`), "stderr");
    for (const port of [ssh, vnc]) {
      const socket = connect(port, "127.0.0.2");
      socket.write("hello");
      const [data] = await within("an echo", once(socket, "data"));
      expect(String(data)).toBe("hello");
      socket.destroy();
    }
    const tunnel = emulator.open(["SSH"]);
    await using silent = start(emulator, tunnel.tokens.source, ["-s", `SSH=${await freePort()}`, "-v", "0"]);
    await silent.waitForLine(/^Running AWS IoT/);
    await silent.stop();
    expect(silent.stderr).toBe("");
  });

  test("-k connects without a known certificate, and warns; without it the handshake fails", async () => {
    await using emulator = await startEmulator();
    const { tokens } = emulator.open(["SSH"]);
    const words = ["localproxy", "-e", `localhost:${emulator.port}`, "-s", `SSH=${await freePort()}`];
    const env = { AWSIOT_TUNNEL_ACCESS_TOKEN: tokens.source.reveal() };
    await using strict = startTunnel(words, env);
    await strict.waitForLine(/Could not perform SSL handshake with proxy server/, "stderr");
    await strict.stop();
    await using loose = startTunnel([...words, "-k"], env);
    await loose.waitForLine(/\[warning\] \* SECURITY WARNING/, "stderr");
    await loose.waitForLine(/Successfully established websocket connection/, "stderr");
  });

  test("at no level of -v does a token appear; a lost service is tried again", async () => {
    const emulator = await startEmulator();
    const { tokens } = emulator.open(["SSH"]);
    const clientToken = `${"c".repeat(20)}1234567890AB`;
    await using child = start(emulator, tokens.source, ["-m", "src", "-v", "255", "-i", clientToken]);
    await child.waitForLine(/Listening for new connection/, "stderr");
    await emulator[Symbol.asyncDispose]();
    await child.waitForLine(/\[error\] Could not connect to proxy server: /, "stderr");
    await child.waitForLine(/\[error\] Could not connect to proxy server: .*connection refused/, "stderr");
    const attempts = child.lines.stderr.filter((line) => line.includes("Attempting to establish web socket"));
    expect(attempts.length).toBeGreaterThan(1);
    await child.stop();
    expect(child.stderr + child.stdout).not.toContain(tokens.source.reveal());
    expect(child.stderr + child.stdout).not.toContain(clientToken);
  });

  test("a link with the name localproxy is this command", async () => {
    using dir = tempDir();
    const link = join(dir.path, "localproxy");
    symlinkSync(BINARY, link);
    await using child = new TestProcess(link, ["-Z"], { PATH: process.env["PATH"], HOME: dir.path });
    expect((await child.exited).code).toBe(1);
    expect(child.stderr).toContain("unrecognised option '-Z'");
  });
});

describe("endings", () => {
  test("a refused token: the service's words, and 77 where the reference has 0", async () => {
    await using emulator = await startEmulator();
    await using child = start(emulator, { reveal: () => TOKEN }, ["-s", "SSH=15555"]);
    expect((await within("its end", child.exited)).code).toBe(77);
    expect(child.stderr).toMatch(
      /\[error\] Proxy server rejected web socket upgrade request: \(HTTP\/1\.1 403 Forbidden\) "Invalid access-token"/,
    );
    expect(child.stderr).not.toContain(TOKEN);
  });

  testWithReference("… which it has", async () => {
    await using emulator = await startEmulator();
    const words = ["-e", `localhost:${emulator.port}`, "-c", emulator.running.caDirectory, "-s", "15555"];
    const { code, stderr } = await runReference(words, WITH_TOKEN);
    expect(code).toBe(0);
    expect(stderr.join("\n")).toContain("Proxy server rejected web socket upgrade request");
  });

  test("services that do not match: the reference's sentence, 78", async () => {
    await using emulator = await startEmulator();
    const { tokens } = emulator.open(["SSH"]);
    await using child = start(emulator, tokens.source, ["-s", `VNC=${await freePort()}`]);
    expect((await within("its end", child.exited)).code).toBe(78);
    expect(child.stderr).toContain("[fatal] Wrong configurations detected in local proxy.");
  });

  test("files without the tunnel's service, and no mapping at all: 78", async () => {
    await using emulator = await startEmulator();
    const { tokens } = emulator.open(["SSH"]);
    using dir = tempDir();
    writeFileSync(join(dir.path, "a"), "VNC=5900\n");
    await using some = start(emulator, tokens.destination, ["-m", "dst", "--config-dir", dir.path]);
    expect((await within("its end", some.exited)).code).toBe(78);
    expect(some.stderr).toContain("[fatal] Not enough the service ids are found in the configuration files.");
    await using none = start(emulator, tokens.destination, ["-m", "dst"]);
    expect((await within("its end", none.exited)).code).toBe(78);
    expect(none.stderr).toContain("[fatal] No port mapping exists.");
  });

  test.each([
    ["an address that is none", "SSH=99x99\n", '"SSH=99x99": no port'],
    ["a port that is none", "SSH=127.0.0.1:70000\n", "70000"],
    ["no address", "SSH=\n", "SSH"],
    ["a line that is none", "SSH 22\n", "Please make sure your file is in .ini format."],
  ])("a file with %s: said, 78", async (_, content, said) => {
    await using emulator = await startEmulator();
    const { tokens } = emulator.open(["SSH"]);
    using dir = tempDir();
    writeFileSync(join(dir.path, "a.ini"), content);
    symlinkSync("/nowhere/at/all", join(dir.path, "b.ini"));
    await using child = start(emulator, tokens.destination, ["-m", "dst", "--config-dir", dir.path]);
    expect((await within("its end", child.exited)).code).toBe(78);
    expect(child.stderr).toContain(said);
    expect(child.stderr).toContain("[fatal]");
    expect(child.stderr).not.toContain("a bug of tunnel");
  });

  test("another proxy took this side: the code of the close, 77", async () => {
    await using emulator = await startEmulator();
    const { tokens } = emulator.open(["SSH"]);
    const words = ["-m", "src", "-i", "c".repeat(32)];
    await using first = start(emulator, tokens.source, words);
    await first.waitForLine(/SSH = [1-9]/, "stderr");
    await using _second = start(emulator, tokens.source, words);
    expect((await within("its end", first.exited)).code).toBe(77);
    expect(first.stderr).toContain(
      "[info] Web socket close received. Code: 1008; Reason: Another local proxy",
    );
  });

  test("a port that is taken: 71; a closed tunnel: 0", async () => {
    await using emulator = await startEmulator();
    await using other = await startTcpServer();
    const first = emulator.open(["SSH"]);
    await using taken = start(emulator, first.tokens.source, ["-s", `SSH=${other.port}`]);
    expect((await within("its end", taken.exited)).code).toBe(71);
    expect(taken.stderr).toContain(
      `[error] Could not bind to address: 127.0.0.1:${other.port} -- Address already in use`,
    );
    const second = emulator.open(["SSH"]);
    await using closed = start(emulator, second.tokens.source, ["-s", `SSH=${await freePort()}`]);
    await closed.waitForLine(/Listening for new connection/, "stderr");
    emulator.running.tunnels.close(second.tunnelId, { isDeleted: false });
    expect((await within("its end", closed.exited)).code).toBe(0);
    expect(closed.stderr).toContain("Web socket close received.");
  });
});
