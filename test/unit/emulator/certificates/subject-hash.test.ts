import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { rootCertificates } from "node:tls";
import { decodeDer, encodeDer } from "../../../../src/emulator/certificates/der.ts";
import { subjectHash } from "../../../../src/emulator/certificates/subject-hash.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

/** The subject out of a certificate: the sixth element of its to-be-signed part, after a version tag. */
function subjectOf(pem: string): Uint8Array {
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  const body = decodeDer(decodeDer(der)[0]?.content ?? new Uint8Array())[0];
  return decodeDer(body?.content ?? new Uint8Array())[5]?.whole ?? new Uint8Array();
}

function opensslHash(pem: string): string {
  return execFileSync("openssl", ["x509", "-noout", "-subject_hash"], {
    input: pem,
    encoding: "utf8",
  }).trim();
}

describe("the subject hash equals OpenSSL's", () => {
  test("for public roots with every kind of name", () => {
    const roots = rootCertificates.filter((pem) => decodeDer(subjectOf(pem)).length === 1);
    expect(roots.length).toBeGreaterThan(50);
    for (const pem of roots.slice(0, 60)) expect(subjectHash(subjectOf(pem))).toBe(opensslHash(pem));
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

describe("DER", () => {
  test.each([0, 1, 127, 128, 255, 256, 65_535])("with %d bytes of content reads as written", (length) => {
    const content = new Uint8Array(length).fill(7);
    const [element, ...more] = decodeDer(encodeDer(0x04, content));
    expect(more).toEqual([]);
    expect(element?.tag).toBe(0x04);
    expect(Buffer.from(element?.content ?? [])).toEqual(Buffer.from(content));
  });

  test("that is cut short is refused", () => {
    const whole = encodeDer(0x30, new Uint8Array(200));
    for (const length of [1, 2, 3, 100, whole.length - 1]) {
      expect(() => decodeDer(whole.subarray(0, length))).toThrow(RangeError);
    }
  });
});
