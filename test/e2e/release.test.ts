import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import packageJson from "../../package.json" with { type: "json" };
import { formatFaults } from "../../scripts/releasing/read-format.ts";
import { sbom } from "../../scripts/releasing/sbom.ts";
import { hostTarget } from "../../scripts/releasing/targets.ts";
import { tryProgram } from "../../scripts/releasing/trial.ts";
import { BINARY } from "../helpers/tunnel.ts";

const DATE = new Date(1_700_000_000_000);

test("the program of this machine is what its platform needs, and runs", () => {
  expect(formatFaults(readFileSync(BINARY), hostTarget())).toEqual([]);
  expect(tryProgram(BINARY, hostTarget())).toEqual({ ran: true, how: "this machine" });
});

test("a file that runs, but is not this program, is refused", () => {
  expect(() => tryProgram("/bin/true", hostTarget())).toThrow("/bin/true --version (this machine): exit 0");
});

test("the list of packages is the same each time, and has each one that is in the program", () => {
  const text = sbom(DATE);
  expect(sbom(DATE)).toBe(text);
  const { metadata, components, serialNumber } = JSON.parse(text);
  expect(metadata.component).toMatchObject({
    type: "application",
    name: "tunnel",
    version: packageJson.version,
  });
  expect(metadata.timestamp).toBe("2023-11-14T22:13:20.000Z");
  expect(serialNumber).toMatch(
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  const listed = components.map(({ name, version }: Record<string, string>) => `${name}@${version}`);
  const wanted = Object.entries({ ...packageJson.dependencies, bun: packageJson.devDependencies.bun });
  expect(listed).toEqual(expect.arrayContaining(wanted.map((each) => each.join("@"))));
  expect(
    listed.filter((each: string) => /^(@biomejs\/|@types\/react@|typescript@|deno@)/.test(each)),
  ).toEqual([]);
});
