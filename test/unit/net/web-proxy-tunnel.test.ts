// One CONNECT through hand-made proxies on loopback, each wrong in its own way. The real one is in test/e2e.
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer } from "node:tls";
import { UnreachableError } from "../../../src/base/errors.ts";
import { createAuthority, issueServerCertificate } from "../../../src/emulator/certificates/authority.ts";
import { connectThroughProxy, type WebProxyRoute } from "../../../src/net/web-proxy-tunnel.ts";
import { startTcpServer, type TestServer } from "../../helpers/servers.ts";
import { within } from "../../helpers/wait.ts";

const NOBODY = new AbortController().signal;
const TARGET = { host: "data.example.test", port: 443 };

function through(webProxy: string, more: Partial<WebProxyRoute> = {}) {
  return connectThroughProxy({
    ...TARGET,
    webProxy: new URL(webProxy),
    limitMs: 5_000,
    signal: NOBODY,
    ...more,
  });
}

async function failureOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UnreachableError);
  const { message, hint } = error as UnreachableError;
  return `${message} | ${hint}`;
}

/** A proxy that says `answer` to whatever it is asked, and knows when its only client has gone. */
async function proxySaying(answer: string | Uint8Array | undefined) {
  const gone = Promise.withResolvers<void>();
  let asked = "";
  const server = await startTcpServer((socket) => {
    socket.on("data", (bytes) => {
      asked += bytes.toString("latin1");
      if (answer !== undefined && asked.endsWith("\r\n\r\n")) socket.write(answer);
    });
    socket.once("end", () => socket.end());
    socket.once("close", () => gone.resolve());
  });
  return { server, url: `http://127.0.0.1:${server.port}`, gone: gone.promise, asked: () => asked };
}

function dispose({ server }: { server: TestServer }) {
  return server[Symbol.asyncDispose]();
}

describe("consent", () => {
  test.each([
    "HTTP/1.1 200 Connection established\r\n\r\n",
    "HTTP/1.0 200 OK\r\nVia: 1.0 squid\r\n\r\n",
    "HTTP/1.1 201 Whatever\r\n\r\n",
    "HTTP/1.1 200\r\n\r\n",
    "HTTP/1.1 200 OK\n\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
  ])("%j", async (answer) => {
    const proxy = await proxySaying(answer);
    const socket = await through(proxy.url.replace("//", "//us%er:100%@"));
    expect(socket.isPaused()).toBe(true);
    socket.destroy();
    expect(proxy.asked().split("\r\n").slice(0, 3)).toEqual([
      "CONNECT data.example.test:443 HTTP/1.1",
      "Host: data.example.test:443",
      `Proxy-Authorization: Basic ${btoa("us%er:100%")}`,
    ]);
    await dispose(proxy);
  });

  test("in pieces", async () => {
    await using server = await startTcpServer((socket) => {
      socket.once("data", async () => {
        for (const piece of ["HT", "TP/1.1 2", "00 OK\r", "\n\r\n"]) {
          socket.write(piece);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      });
    });
    (await through(`http://127.0.0.1:${server.port}`)).destroy();
  });
});

describe("whatever else it says, it is named, and let go", () => {
  test.each([
    ["HTTP/1.1 403 No\r\n\r\n", "refused to connect to data.example.test:443 with status 403"],
    ["HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", "with status 502"],
    ["HTTP/1.1 407 No\r\n\r\n", "wants credentials (status 407)"],
    [
      "HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nproxy-authenticate: NTLM\r\n\r\n",
      "wants a login by Negotiate or NTLM (status 407)",
    ],
    ["220 mail.example.test ESMTP\r\n", "does not answer CONNECT like a web proxy"],
    ["HTTP/1.1 abc\r\n\r\n", "does not answer CONNECT like a web proxy"],
    ["HTTP/1.1 200 OK\r\n\r\n<html>Please log in</html>", "does not answer CONNECT like a web proxy"],
    [Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70), "speaks TLS | write https:// in HTTPS_PROXY"],
    [`HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}`, "does not answer CONNECT like a web proxy"],
    ["HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000), "does not answer CONNECT like a web proxy"],
  ])("%j", async (answer, message) => {
    const proxy = await proxySaying(answer);
    expect(await failureOf(through(proxy.url))).toContain(message);
    await within("the end of its connection", proxy.gone);
    await dispose(proxy);
  });

  test("credentials that it refuses are not repeated", async () => {
    const proxy = await proxySaying("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n");
    const said = await failureOf(through(proxy.url.replace("//", "//user:hunter2@")));
    expect(said).toContain("refused the credentials in HTTPS_PROXY (status 407)");
    expect(said).not.toContain("hunter2");
    await dispose(proxy);
  });

  test("one that hangs up", async () => {
    await using server = await startTcpServer((socket) => socket.once("data", () => socket.end()));
    expect(await failureOf(through(`http://127.0.0.1:${server.port}`))).toContain("closed the connection");
  });

  test.each([
    ["says nothing", undefined],
    ["never ends its answer", "HTTP/1.1 200 OK\r\nVia: x"],
  ])("one that %s is given up after the limit", async (_title, answer) => {
    const proxy = await proxySaying(answer);
    expect(await failureOf(through(proxy.url, { limitMs: 100 }))).toContain("does not answer: waited 0.1 s");
    await within("the end of its connection", proxy.gone);
    await dispose(proxy);
  });

  test("a stop does not wait for it", async () => {
    const proxy = await proxySaying(undefined);
    const stop = new AbortController();
    const attempt = through(proxy.url, { signal: stop.signal });
    attempt.catch(() => {});
    await within(
      "the question",
      new Promise<void>((resolve) => {
        const look = setInterval(() => {
          if (proxy.asked() === "") return;
          clearInterval(look);
          resolve();
        }, 5);
      }),
    );
    stop.abort();
    await within(
      "the end of the attempt",
      attempt.catch(() => {}),
      1_000,
    );
    await within("the end of its connection", proxy.gone);
    await dispose(proxy);
  });
});

describe("a proxy behind TLS", () => {
  async function startTlsProxy() {
    const authority = await createAuthority(["localhost"], Date.now());
    const leaf = await issueServerCertificate(authority, { names: ["localhost"], addresses: [] }, Date.now());
    const sockets = new Set<Socket>();
    const server = createServer({ cert: leaf.certificate, key: leaf.privateKey }, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    });
    server.on("tlsClientError", () => {});
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as { port: number };
    return {
      url: `https://localhost:${port}`,
      ca: authority.certificate,
      [Symbol.asyncDispose]: async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }

  test("is trusted through the same roots as everything", async () => {
    await using proxy = await startTlsProxy();
    (await through(proxy.url, { ca: [proxy.ca] })).destroy();
  });

  test("with a certificate nobody knows: --ca", async () => {
    await using proxy = await startTlsProxy();
    (await through(proxy.url, { isUnverified: true })).destroy();
    const said = await failureOf(through(proxy.url));
    expect(said).toContain("the certificate of web proxy localhost:");
    expect(said).toContain("--ca FILE");
  });

  test("that is none: say http://", async () => {
    await using plain = await startTcpServer((socket) =>
      socket.once("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")),
    );
    expect(await failureOf(through(`https://localhost:${plain.port}`))).toBe(
      `the web proxy localhost:${plain.port} speaks no TLS | write http:// in HTTPS_PROXY: what goes through it is encrypted in any case`,
    );
  });
});
