import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, issueServerCertificate } from "../../../../src/emulator/certificates/authority.ts";
import { prepareCertificates } from "../../../../src/emulator/certificates/certificates.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

const DAY_MS = 86_400_000;
const ADDRESSES = ["127.0.0.1", "::1"];

function openssl(...args: string[]): string {
  return execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function prepare(directory: string, names = ["localhost"], now = Date.now()) {
  return prepareCertificates({ directory, names, addresses: ADDRESSES, now });
}

/** What `openssl verify` says of a server certificate, as strictly as it can. */
function verify(caFile: string, certificate: string, ...more: string[]): string {
  using directory = tempDir();
  const file = join(directory.path, "server.pem");
  writeFileSync(file, certificate);
  try {
    return openssl("verify", "-x509_strict", "-purpose", "sslserver", ...more, "-CAfile", caFile, file);
  } catch (error) {
    return String((error as { stderr?: string }).stderr);
  }
}

describe("the server certificate", () => {
  test("is what OpenSSL takes, for localhost, hosts and loopback addresses, and nothing else", async () => {
    using directory = tempDir();
    const { caPath, server } = await prepare(join(directory.path, "ca"), [
      "localhost",
      "tunnels.example.test",
    ]);
    const names: [string, string, boolean][] = [
      ["-verify_hostname", "localhost", true],
      ["-verify_hostname", "tunnels.example.test", true],
      ["-verify_ip", "127.0.0.1", true],
      ["-verify_ip", "::1", true],
      ["-verify_hostname", "example.test", false],
      ["-verify_ip", "127.0.0.2", false],
    ];
    for (const [option, name, isGood] of names) {
      expect(verify(caPath, server.certificate, option, name).includes(": OK")).toBe(isGood);
    }
  });

  test("cannot be a client certificate or a CA", async () => {
    using directory = tempDir();
    const { caPath, server } = await prepare(join(directory.path, "ca"));
    expect(verify(caPath, server.certificate, "-purpose", "sslclient")).toContain(
      "unsuitable certificate purpose",
    );
    expect(new X509Certificate(server.certificate).ca).toBe(false);
  });

  test("ends within 398 days, and never after its CA", async () => {
    const now = Date.now();
    const authority = await createAuthority(["localhost"], now);
    const subject = { names: ["localhost"], addresses: [] };
    const end = async (at: number) =>
      Date.parse(
        new X509Certificate((await issueServerCertificate(authority, subject, at)).certificate).validTo,
      );
    expect((await end(now)) - now).toBeLessThan(398 * DAY_MS);
    expect(await end(now + 3_600 * DAY_MS)).toBe(
      Date.parse(new X509Certificate(authority.certificate).validTo),
    );
  });
});

describe("the CA", () => {
  test("may vouch for its names only: a certificate it signs for another is worthless", async () => {
    using directory = tempDir();
    const now = Date.now();
    const authority = await createAuthority(["localhost"], now);
    const caPath = join(directory.path, "ca.pem");
    writeFileSync(caPath, authority.certificate);
    const forged = await issueServerCertificate(authority, { names: ["bank.example"], addresses: [] }, now);
    expect(verify(caPath, forged.certificate)).toContain("permitted subtree violation");
  });

  test("signs no further CA, lasts ten years, and says all that as critical", async () => {
    using directory = tempDir();
    const { caPath } = await prepare(join(directory.path, "ca"), ["localhost", "tunnels.example.test"]);
    const text = openssl("x509", "-in", caPath, "-noout", "-text").replaceAll(/\s+/g, " ");
    expect(text).toContain("X509v3 Basic Constraints: critical CA:TRUE, pathlen:0");
    expect(text).toContain("X509v3 Key Usage: critical Certificate Sign");
    expect(text).toContain(
      "X509v3 Name Constraints: critical Permitted: DNS:localhost DNS:tunnels.example.test X509v3",
    );
    const years =
      (Date.parse(new X509Certificate(readFileSync(caPath)).validTo) - Date.now()) / (365 * DAY_MS);
    expect(Math.round(years)).toBe(10);
  });

  test("lies in a directory as OpenSSL looks it up", async () => {
    using directory = tempDir();
    const { caPath, caDirectory } = await prepare(join(directory.path, "ca"));
    const hash = openssl("x509", "-in", caPath, "-noout", "-subject_hash").trim();
    expect(readdirSync(caDirectory)).toEqual([`${hash}.0`]);
    expect(readFileSync(join(caDirectory, `${hash}.0`), "utf8")).toBe(readFileSync(caPath, "utf8"));
  });

  test("and its key are for their owner", async () => {
    using directory = tempDir();
    const path = join(directory.path, "ca");
    const { caDirectory } = await prepare(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(caDirectory).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, "ca-key.pem")).mode & 0o777).toBe(0o600);
    expect(readdirSync(path).toSorted()).toEqual(["ca-key.pem", "ca.pem", "certs"]);
  });
});

describe("a further start", () => {
  test("keeps the CA and issues a new server certificate", async () => {
    using directory = tempDir();
    const first = await prepare(directory.path);
    const authority = readFileSync(first.caPath, "utf8");
    const second = await prepare(directory.path);
    expect([first.isNewAuthority, second.isNewAuthority]).toEqual([true, false]);
    expect(readFileSync(second.caPath, "utf8")).toBe(authority);
    expect(second.server.certificate).not.toBe(first.server.certificate);
    expect(verify(second.caPath, second.server.certificate)).toContain(": OK");
  });

  test("keeps the CA for a name below one that it may vouch for", async () => {
    using directory = tempDir();
    await prepare(directory.path, ["localhost", "example.test"]);
    const { isNewAuthority, server, caPath } = await prepare(directory.path, [
      "localhost",
      "data.example.test",
    ]);
    expect(isNewAuthority).toBe(false);
    expect(verify(caPath, server.certificate, "-verify_hostname", "data.example.test")).toContain(": OK");
  });

  const causes: [string, (directory: string) => { names?: string[]; now?: number }][] = [
    ["it may not vouch for a new host", () => ({ names: ["localhost", "example.test"] })],
    ["it ends soon", () => ({ now: Date.now() + 3_300 * DAY_MS })],
    ["it is not yet valid", () => ({ now: Date.now() - 10 * DAY_MS })],
    [
      "its certificate is damaged",
      (directory) => damage(directory, "ca.pem", "-----BEGIN CERTIFICATE-----\n"),
    ],
    ["its key is damaged", (directory) => damage(directory, "ca-key.pem", "")],
  ];
  test.each(causes)("replaces the CA when %s, and trusts the old one no more", async (_title, change) => {
    using directory = tempDir();
    const first = await prepare(directory.path);
    const [oldHash] = readdirSync(first.caDirectory);
    const { names, now } = change(directory.path);
    const second = await prepare(directory.path, names, now);
    expect(second.isNewAuthority).toBe(true);
    expect(readdirSync(second.caDirectory)).toHaveLength(1);
    expect(readdirSync(second.caDirectory)).not.toEqual([oldHash ?? ""]);
    const at = String(Math.floor((now ?? Date.now()) / 1_000));
    expect(verify(second.caPath, second.server.certificate, "-attime", at)).toContain(": OK");
  });

  test("replaces a CA whose key is another's", async () => {
    using directory = tempDir();
    await prepare(directory.path);
    const { privateKey } = await createAuthority(["localhost"], Date.now());
    damage(directory.path, "ca-key.pem", privateKey);
    const { isNewAuthority, caPath, server } = await prepare(directory.path);
    expect(isNewAuthority).toBe(true);
    expect(verify(caPath, server.certificate)).toContain(": OK");
  });
});

function damage(directory: string, file: string, content: string): Record<string, never> {
  writeFileSync(join(directory, file), content);
  return {};
}
