// The data plane through a real web proxy; the control plane's way through one is in cli-tunnels.test.ts.
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { ProxyOptions } from "../../src/proxy/options.ts";
import { TestProcess } from "../helpers/process.ts";
import { dialLocal, readAll, startEmulator, startProxy, type TestEmulator } from "../helpers/proxies.ts";
import { freePort, startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { startWebProxy } from "../helpers/tinyproxy.ts";
import { waitFor } from "../helpers/wait.ts";

function through(
  emulator: TestEmulator,
  webProxy: string,
  ca = emulator.ca,
): Pick<ProxyOptions, "dataPlane"> {
  const { host, port } = emulator;
  return { dataPlane: { host, port, ca: [emulator.ca, ca], webProxy: new URL(webProxy) } };
}

test("both sides carry through a web proxy with credentials", async () => {
  await using web = await startWebProxy();
  await using echo = await startTcpServer();
  await using emulator = await startEmulator();
  const { tokens } = emulator.open(["ECHO"]);
  const options = through(emulator, `http://user:secret@127.0.0.1:${web.port}`);
  await using destination = startProxy(
    emulator,
    "destination",
    tokens.destination,
    `ECHO=127.0.0.1:${echo.port}`,
    options,
  );
  await destination.waitFor("connected");
  await using source = startProxy(emulator, "source", tokens.source, "ECHO=0", options);
  const sent = randomBytes(1_000_000);
  const socket = await dialLocal(await source.portOf("ECHO"));
  socket.end(sent);
  expect((await readAll(socket)).equals(sent)).toBe(true);
  expect(web.log()).toContain(`CONNECT localhost:${emulator.port}`);
});

test("a web proxy that wants credentials ends the proxy with a hint that holds none", async () => {
  await using web = await startWebProxy();
  await using emulator = await startEmulator();
  const { tokens } = emulator.open(["ECHO"]);
  const options = through(emulator, `http://user:wrong-password@127.0.0.1:${web.port}`);
  await using source = startProxy(emulator, "source", tokens.source, "ECHO=0", options);
  const { reason } = await source.waitFor("disconnected");
  expect(reason).toMatch(/web proxy .* (407|401|credentials)/);
  expect(reason).not.toContain("wrong-password");
});

test("a web proxy spoken to over TLS", async () => {
  using dir = tempDir();
  const pem = join(dir.path, "proxy.pem");
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      ...names,
      "-keyout",
      pem,
      "-out",
      `${pem}.crt`,
    ],
    { stdio: "ignore" },
  );
  await using web = await startWebProxy();
  const port = await freePort();
  await using _tls = new TestProcess(
    "socat",
    [
      `OPENSSL-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,verify=0,cert=${pem}.crt,key=${pem}`,
      `TCP:127.0.0.1:${web.port}`,
    ],
    process.env,
  );
  await waitFor("socat", () =>
    dialLocal(port).then(
      (socket) => socket.destroy(),
      () => undefined,
    ),
  );
  await using emulator = await startEmulator();
  const { tokens } = emulator.open(["ECHO"]);
  const certificate = execFileSync("cat", [`${pem}.crt`], { encoding: "utf8" });
  const options = through(emulator, `https://user:secret@localhost:${port}`, certificate);
  await using source = startProxy(emulator, "source", tokens.source, "ECHO=0", options);
  await source.waitFor("connected");
  const untrusted = through(emulator, `https://user:secret@localhost:${port}`);
  await using other = startProxy(emulator, "source", tokens.source, "ECHO=0", untrusted);
  const error = await other.ended.catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "ERR_UNREACHABLE",
    message: expect.stringContaining(`the certificate of web proxy localhost:${port} is not trusted`),
    hint: expect.stringContaining("--ca FILE"),
  });
});

test("a web proxy that is not there is named", async () => {
  await using emulator = await startEmulator();
  const { tokens } = emulator.open(["ECHO"]);
  const options = through(emulator, `http://127.0.0.1:${await freePort()}`);
  const source = startProxy(emulator, "source", tokens.source, "ECHO=0", options);
  const { reason } = await source.waitFor("disconnected");
  await source.stop();
  expect(reason).toContain("web proxy");
});
