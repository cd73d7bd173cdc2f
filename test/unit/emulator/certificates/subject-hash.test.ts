import "reflect-metadata";
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { X509Certificate } from "@peculiar/x509";
import { subjectHash } from "../../../../src/emulator/certificates/subject-hash.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

function subjectOf(pem: string): ArrayBuffer {
  return new X509Certificate(pem).subjectName.toArrayBuffer();
}

function opensslHash(pem: string): string {
  return execFileSync("openssl", ["x509", "-noout", "-subject_hash"], {
    input: pem,
    encoding: "utf8",
  }).trim();
}

describe("the subject hash equals OpenSSL's", () => {
  test("for public roots with every kind of name", () => {
    for (const pem of rootCertificates.slice(0, 60)) {
      expect(subjectHash(subjectOf(pem))).toBe(opensslHash(pem));
    }
  });

  const subjects: [string, string[]][] = [
    ["spaces and capitals", ["-subj", "/CN=  Some   CA\tof OURS  "]],
    ["letters beyond ASCII", ["-utf8", "-subj", "/CN=ÜBER Zertifikat ÉCOLE/O=日本"]],
    ["several attributes in one set", ["-multivalue-rdn", "-subj", "/CN=One+OU=Two/O=Three"]],
    ["an e-mail address", ["-subj", "/emailAddress=Root@Example.TEST/CN=x"]],
  ];
  test.each(subjects)("for %s", (_title, args) => {
    using directory = tempDir();
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const pem = execFileSync(
      "openssl",
      ["req", "-x509", ...key, "-keyout", join(directory.path, "key.pem"), ...args],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    );
    expect(subjectHash(subjectOf(pem))).toBe(opensslHash(pem));
  });
});
