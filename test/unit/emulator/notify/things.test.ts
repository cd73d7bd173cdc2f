import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, TunnelError, UsageError } from "../../../../src/base/errors.ts";
import {
  addThing,
  fingerprintOf,
  listThings,
  registeredFingerprint,
  removeThing,
} from "../../../../src/emulator/notify/things.ts";
import { failureOf } from "../../../helpers/proxies.ts";
import { tempDir } from "../../../helpers/temp-dir.ts";

/** The certificate of a thing, as it lies in its directory. */
function certificateOf(stateDir: string, name: string): X509Certificate {
  return new X509Certificate(readFileSync(join(stateDir, "things", name, "certificate.pem")));
}

/** What `openssl verify` says of a thing's certificate, as strictly as it can. */
function verify(stateDir: string, name: string, purpose: string): string {
  const args = ["verify", "-x509_strict", "-purpose", purpose];
  const files = [
    "-CAfile",
    join(stateDir, "device-ca/ca.pem"),
    join(stateDir, "things", name, "certificate.pem"),
  ];
  try {
    return execFileSync("openssl", [...args, ...files], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    return String((error as { stderr?: string }).stderr);
  }
}

function failureOfSync(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

describe("a thing that is added", () => {
  test("has files of its own for its owner's eyes", async () => {
    using dir = tempDir();
    const stateDir = join(dir.path, "state");
    const identity = await addThing(stateDir, "pump-7");
    expect(identity).toEqual({
      name: "pump-7",
      certificatePath: join(stateDir, "things/pump-7/certificate.pem"),
      keyPath: join(stateDir, "things/pump-7/private.key"),
      caPath: join(stateDir, "ca/ca.pem"),
    });
    const modes = [stateDir, join(stateDir, "things/pump-7"), identity.certificatePath, identity.keyPath];
    expect(modes.map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o700, 0o600, 0o600]);
    expect(readdirSync(stateDir).toSorted()).toEqual(["device-ca", "things"]);
    expect(readdirSync(join(stateDir, "things"))).toEqual(["pump-7"]);
  });

  test.each(["pump-7", "a:b_C-1", "x".repeat(128)])(
    "has a client certificate in its name, and no other: %s",
    async (name) => {
      using dir = tempDir();
      await addThing(dir.path, name);
      expect(certificateOf(dir.path, name).subject).toBe(`CN=${name}`);
      expect(verify(dir.path, name, "sslclient")).toContain(": OK");
      expect(verify(dir.path, name, "sslserver")).toContain("unsuitable certificate purpose");
      expect(certificateOf(dir.path, name).ca).toBe(false);
    },
  );

  test("keeps its identity, however often and by however many it is added", async () => {
    using dir = tempDir();
    const all = await Promise.all(Array.from({ length: 8 }, () => addThing(dir.path, "pump-7")));
    const first = certificateOf(dir.path, "pump-7").fingerprint256;
    await addThing(dir.path, "pump-7");
    expect(certificateOf(dir.path, "pump-7").fingerprint256).toBe(first);
    expect(new Set(all.map(({ certificatePath }) => certificatePath)).size).toBe(1);
    expect(verify(dir.path, "pump-7", "sslclient")).toContain(": OK");
    expect(readdirSync(dir.path).toSorted()).toEqual(["device-ca", "things"]);
    expect(readdirSync(join(dir.path, "things"))).toEqual(["pump-7"]);
  });

  const damages: [string, (stateDir: string) => void][] = [
    ["its certificate is damaged", (dir) => writeFileSync(join(dir, "things/pump-7/certificate.pem"), "x")],
    ["its key is damaged", (dir) => writeFileSync(join(dir, "things/pump-7/private.key"), "x")],
    [
      "its certificate is another's",
      (dir) =>
        writeFileSync(
          join(dir, "things/pump-7/certificate.pem"),
          readFileSync(join(dir, "things/pump-8/certificate.pem")),
        ),
    ],
  ];
  test.each(damages)("gets another when %s", async (_title, damage) => {
    using dir = tempDir();
    await addThing(dir.path, "pump-7");
    await addThing(dir.path, "pump-8");
    damage(dir.path);
    const identity = await addThing(dir.path, "pump-7");
    const certificate = certificateOf(dir.path, "pump-7");
    expect(certificate.subject).toBe("CN=pump-7");
    const key = execFileSync("openssl", ["pkey", "-in", identity.keyPath, "-pubout"], { encoding: "utf8" });
    expect(certificate.publicKey.export({ format: "pem", type: "spki" })).toBe(key);
  });
});

describe("things", () => {
  test("are listed by name; other files are none of them", async () => {
    using dir = tempDir();
    expect(listThings(dir.path)).toEqual([]);
    await addThing(dir.path, "b");
    await addThing(dir.path, "a");
    writeFileSync(join(dir.path, "things", ".tmp"), "");
    expect(listThings(dir.path).map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("that are removed are gone, and come back as others", async () => {
    using dir = tempDir();
    await addThing(dir.path, "pump-7");
    const things = join(dir.path, "things");
    const { raw } = certificateOf(dir.path, "pump-7");
    expect(registeredFingerprint(things, "pump-7") === fingerprintOf(raw)).toBe(true);
    removeThing(dir.path, "pump-7");
    expect(readdirSync(things)).toEqual([]);
    expect(registeredFingerprint(things, "pump-7") === fingerprintOf(raw)).toBe(false);
    const again = failureOfSync(() => removeThing(dir.path, "pump-7"));
    expect([again instanceof TunnelError, (again as TunnelError).code]).toEqual([true, "ERR_NOT_FOUND"]);
    await addThing(dir.path, "pump-7");
    expect(registeredFingerprint(things, "pump-7") === fingerprintOf(raw)).toBe(false);
    expect(
      registeredFingerprint(things, "pump-7") === fingerprintOf(certificateOf(dir.path, "pump-7").raw),
    ).toBe(true);
  });

  test("are registered under their own name only", async () => {
    using dir = tempDir();
    await addThing(dir.path, "pump-7");
    await addThing(dir.path, "pump-8");
    const things = join(dir.path, "things");
    const { raw } = certificateOf(dir.path, "pump-7");
    for (const name of ["pump-8", "../things/pump-7", "", ".", "pump-9"]) {
      expect(registeredFingerprint(things, name) === fingerprintOf(raw)).toBe(false);
    }
  });
});

describe("what cannot be done is refused", () => {
  test.each(["", ".", "..", "a/b", "a b", "a+b", "#", "a\u0000", "ä", "x".repeat(129)])(
    "the name %p",
    async (name) => {
      using dir = tempDir();
      expect(await failureOf(addThing(dir.path, name))).toBeInstanceOf(UsageError);
      expect(failureOfSync(() => removeThing(dir.path, name))).toBeInstanceOf(UsageError);
      expect(readdirSync(dir.path)).toEqual([]);
    },
  );

  test("a state directory that others can write", async () => {
    using dir = tempDir();
    chmodSync(dir.path, 0o777);
    expect(await failureOf(addThing(dir.path, "pump-7"))).toBeInstanceOf(ConfigError);
    expect(existsSync(join(dir.path, "things"))).toBe(false);
  });

  const breaks: [string, (directory: string) => void][] = [
    ["without its key", (directory) => rmSync(join(directory, "ca-key.pem"))],
    ["with a damaged key", (directory) => writeFileSync(join(directory, "ca-key.pem"), "x")],
    ["with a damaged certificate", (directory) => writeFileSync(join(directory, "ca.pem"), "x")],
  ];
  test.each(breaks)("a CA of the devices %s, with what to do about it", async (_title, damage) => {
    using dir = tempDir();
    await addThing(dir.path, "pump-7");
    damage(join(dir.path, "device-ca"));
    const failure = await failureOf(addThing(dir.path, "pump-8"));
    expect(failure).toBeInstanceOf(ConfigError);
    expect((failure as ConfigError).hint).toContain(`remove "${join(dir.path, "device-ca")}"`);
  });
});
