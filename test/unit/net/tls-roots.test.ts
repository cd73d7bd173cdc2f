import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import tls from "node:tls";
import { rootsOfMachine, trustedRoots } from "../../../src/net/tls-roots.ts";
import { tempDir } from "../../helpers/temp-dir.ts";

test("what the runtime ships is trusted, and what is added", () => {
  const roots = trustedRoots(["mine"]);
  expect(roots.length).toBeGreaterThan(50);
  expect(roots.at(-1)).toBe("mine");
});

test("a runtime that cannot be asked for the system's certificates has them read from their file", () => {
  using dir = tempDir();
  const path = join(dir.path, "bundle.crt");
  const [first = "", second = ""] = tls.rootCertificates.map((pem) => pem.trim());
  writeFileSync(path, `# of this machine\n${first}\n${second}\n`);
  const old = { rootCertificates: ["shipped"] };
  expect(rootsOfMachine(old, [join(dir.path, "missing"), path])).toEqual(["shipped", first, second]);
  expect(rootsOfMachine(old, [dir.path])).toEqual(["shipped"]);
});

test("a runtime that can is asked for both", () => {
  const getCACertificates = (store: string) => [store];
  expect(rootsOfMachine({ rootCertificates: [], getCACertificates }, [])).toEqual(["bundled", "system"]);
});
