// What the agent command says about options it cannot work with, before it dials anything.
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgv } from "../../src/cli/words/argv.ts";
import { COMMANDS } from "../../src/cli/words/command-table.ts";
import { createDeviceAuthority, issueDeviceCertificate } from "../../src/emulator/certificates/authority.ts";
import { addThing } from "../../src/emulator/notify/things.ts";
import { serveLocal } from "../helpers/serve-local.ts";
import { startTcpServer } from "../helpers/servers.ts";
import { tempDir } from "../helpers/temp-dir.ts";
import { runTunnel, startTunnel } from "../helpers/tunnel.ts";

const BASE = ["agent", "--thing", "pump-7", "--map", "SSH=22", "--region", "us-east-1"];

describe("tunnel agent", () => {
  test.each([
    ["no thing", ["agent", "--map", "SSH=22"], "--thing is missing"],
    ["no map", ["agent", "--thing", "pump-7"], "--map is missing"],
    ["a thing that cannot be", ["agent", "--thing", "a/b", "--map", "SSH=22"], "thing"],
    ["a map without service", [...BASE, "--map", "80"], "--map"],
    ["a certificate without key", [...BASE, "--cert", "x"], "--cert and --key go together"],
    [
      "a transport without certificate",
      [...BASE, "--mqtt-transport", "tls"],
      "needs the device's certificate",
    ],
    ["metrics for everybody", [...BASE, "--metrics", "0.0.0.0:1"], "only an address of this machine"],
    ["no tunnels at all", [...BASE, "--max-tunnels", "0"], "max-tunnels"],
    ["a region that leads elsewhere", [...BASE, "--allow-region", "x.evil.example/"], "allow-region"],
  ])("with %s exits 64", async (_name, args, message) => {
    const { code, stderr } = await runTunnel(args);
    expect(stderr).toContain(message);
    expect(code).toBe(64);
  });

  test("without region exits 78", async () => {
    const { code, stderr } = await runTunnel(["agent", "--thing", "pump-7", "--map", "SSH=22"]);
    expect(stderr).toContain("no region given");
    expect(code).toBe(78);
  });

  test("with an identity that cannot be read, or does not fit together, exits 78", async () => {
    using dir = tempDir();
    const one = await addThing(join(dir.path, "one"), "pump-7");
    const other = await addThing(join(dir.path, "other"), "pump-7");
    const text = join(dir.path, "text");
    writeFileSync(text, "nonsense");
    const missing = join(dir.path, "missing.pem");
    const write = (name: string, content: string | Uint8Array) => {
      writeFileSync(join(dir.path, name), content);
      return join(dir.path, name);
    };
    const openssl = (...words: readonly string[]) => execFileSync("openssl", words, { stdio: "pipe" });
    const der = write("der", openssl("x509", "-in", one.certificatePath, "-outform", "der"));
    const locked = write(
      "locked",
      openssl("pkey", "-in", one.keyPath, "-aes-128-cbc", "-passout", "pass:secret"),
    );
    const damaged = write("damaged", readFileSync(one.keyPath, "utf8").replace(/\n.{8}/, "\nAAAAAAAA"));
    for (const [cert, key, named] of [
      [missing, one.keyPath, `${missing}": no such file or directory`],
      [one.certificatePath, missing, missing],
      [text, one.keyPath, `${text}" (--cert) holds no certificate in PEM form`],
      [one.certificatePath, other.keyPath, `${other.keyPath}" does not belong to the certificate`],
      [one.keyPath, one.certificatePath, `hint: --cert ${one.certificatePath} --key ${one.keyPath}`],
      [one.keyPath, one.keyPath, `${one.keyPath}" (--cert) holds a private key`],
      [one.certificatePath, one.certificatePath, `${one.certificatePath}" (--key) holds a certificate`],
      [der, one.keyPath, `openssl x509 -inform der -in ${der}`],
      [one.certificatePath, locked, "is protected by a passphrase"],
      [one.certificatePath, damaged, `the key in "${damaged}" (--key) is damaged`],
    ] as const) {
      const { code, stderr } = await runTunnel([
        ...BASE,
        "--cert",
        cert,
        "--key",
        key,
        "--mqtt-endpoint",
        "localhost:1",
      ]);
      expect(stderr).toContain(named);
      expect(code).toBe(78);
    }
  });

  test("warns of a key that others can read and of a certificate that is not valid, and goes on", async () => {
    using dir = tempDir();
    const [cert, key] = [join(dir.path, "cert.pem"), join(dir.path, "key.pem")];
    const DAY_MS = 86_400_000;
    const issueAt = async (at: number, mode: number) => {
      const authority = await createDeviceAuthority(at);
      const device = await issueDeviceCertificate(authority, "pump-7", at);
      writeFileSync(cert, device.certificate);
      writeFileSync(key, device.privateKey);
      chmodSync(key, mode);
    };
    const identity = ["--cert", cert, "--key", key, "--mqtt-endpoint", "localhost:1"];
    for (const [days, mode, warning] of [
      [0, 0o644, `other users can read the private key "${key}" (mode 0644): chmod 600 ${key}`],
      [0, 0o640, "(mode 0640)"],
      [30, 0o600, /is not valid before .* and this machine's clock says .*: is it set\?/],
      [-30 * 365, 0o600, /has expired on .*; this machine's clock says/],
    ] as const) {
      await issueAt(Date.now() + days * DAY_MS, mode);
      await using agent = startTunnel([...BASE, ...identity]);
      await agent.waitForLine(/no notifications: cannot reach/, "stderr");
      expect(agent.stderr).toMatch(warning);
    }
    await issueAt(Date.now(), 0o600);
    await using quiet = startTunnel([...BASE, ...identity]);
    await quiet.waitForLine(/no notifications/, "stderr");
    expect(quiet.stderr).not.toContain(key);
  });

  test("at a serve-local without broker says so and exits 78", async () => {
    await using server = await serveLocal({ args: ["--no-mqtt"] });
    const { code, stderr } = await runTunnel([
      "agent",
      "--thing",
      "pump-7",
      "--map",
      "SSH=22",
      ...server.local,
    ]);
    expect(stderr).toContain("no MQTT broker");
    expect(code).toBe(78);
  });

  test("with a metrics port that is taken exits 71", async () => {
    await using taken = await startTcpServer();
    const { code, stderr } = await runTunnel([
      ...BASE,
      "--metrics",
      String(taken.port),
      "--mqtt-endpoint",
      "localhost:1",
    ]);
    expect(stderr).toContain(`127.0.0.1:${taken.port}`);
    expect(code).toBe(71);
  });

  test("prints a systemd unit that systemd understands", async () => {
    using dir = tempDir();
    const path = join(dir.path, "tunnel-agent.service");
    const files = ["--cert", "/etc/tunnel/device.pem", "--key", "/etc/tunnel/device.key"];
    const { code, stdout, stderr } = await runTunnel([
      ...BASE,
      "--map",
      "APP=/run/app.sock",
      ...files,
      "--grace",
      "1m",
      "--print-unit",
    ]);
    expect([code, stderr]).toEqual([0, ""]);
    writeFileSync(path, stdout);
    expect(stdout).toContain(
      "--thing pump-7 --map SSH=22 --map APP=/run/app.sock --grace 1m --region us-east-1",
    );
    expect(stdout).toContain("LoadCredential=key:/etc/tunnel/device.key");
    expect(execFileSync("systemd-analyze", ["verify", path], { encoding: "utf8", stdio: "pipe" })).toBe("");
    expect(readFileSync(path, "utf8")).not.toContain("undefined");
  });

  test("prints a unit with everything it was given, from wherever", async () => {
    using dir = tempDir();
    const config = join(dir.path, "config.yaml");
    const home = join(dir.path, "home");
    mkdirSync(join(home, ".aws"), { recursive: true });
    writeFileSync(join(home, ".aws/config"), "");
    writeFileSync(
      config,
      `map: [SSH=22, "WEB=plc.lan:80"]
cert: keys/device.pem
key: keys/device.key
audit-file: /var/log/tunnel/audit.jsonl
log-file: /var/lib/logs/agent.log
log-level: debug
log-format: json
client-id: pump-7-a
max-tunnels: 5
linger: 2s
json: true
allow-region: [eu-west-1, eu-west-2]
`,
    );
    const { code, stdout, stderr } = await runTunnel(
      [
        "agent",
        "--thing",
        "pump-7",
        "--config",
        config,
        "--state-dir",
        "/srv/agent",
        "--ca",
        "ca.pem",
        "--print-unit",
      ],
      {
        HOME: home,
        AWS_REGION: "us-east-1",
        AWS_PROFILE: "field",
        TUNNEL_MQTT_ENDPOINT: "Broker.lan:443",
        HTTPS_PROXY: "http://user:secret@proxy.lan:3128",
        NO_PROXY: "plc.lan",
      },
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining("HTTPS_PROXY")]);
    const command = /^ExecStart=\S+ agent (.*)$/m.exec(stdout)?.[1] ?? "";
    const request = parseArgv(["agent", ...command.split(" ")], COMMANDS);
    expect(request.type === "command" && Object.fromEntries(request.flags)).toEqual({
      thing: ["pump-7"],
      map: ["SSH=22", "WEB=plc.lan:80"],
      cert: [`\${CREDENTIALS_DIRECTORY}/cert`],
      key: [`\${CREDENTIALS_DIRECTORY}/key`],
      ca: [`\${CREDENTIALS_DIRECTORY}/ca`],
      auditFile: ["/var/log/tunnel/audit.jsonl"],
      logFile: ["/var/lib/logs/agent.log"],
      logLevel: ["debug"],
      logFormat: ["json"],
      clientId: ["pump-7-a"],
      maxTunnels: ["5"],
      linger: ["2s"],
      json: [""],
      allowRegion: ["eu-west-1", "eu-west-2"],
      stateDir: ["/srv/agent"],
      region: ["us-east-1"],
      profile: ["field"],
      mqttEndpoint: ["Broker.lan:443"],
    });
    for (const line of [
      `LoadCredential=cert:${dir.path}/keys/device.pem`,
      `LoadCredential=key:${dir.path}/keys/device.key`,
      `LoadCredential=ca:${process.cwd()}/ca.pem`,
      `LoadCredential=aws-config:${home}/.aws/config`,
      'Environment="AWS_CONFIG_FILE=%d/aws-config"',
      'Environment="NO_PROXY=plc.lan"',
      "LogsDirectory=tunnel",
      "StateDirectory=tunnel-agent logs",
      "ReadWritePaths=/srv/agent",
      `User=${process.getuid?.()}`,
    ]) {
      expect(stdout.split("\n")).toContain(line);
    }
    expect(stdout).not.toContain("DynamicUser");
    expect(stdout + stderr).not.toContain("secret");
    const path = join(dir.path, "tunnel-agent.service");
    writeFileSync(path, stdout);
    expect(execFileSync("systemd-analyze", ["verify", path], { encoding: "utf8", stdio: "pipe" })).toBe("");
  });
});
