// Requests of AWS JSON 1.1 with shapes of other services, which nobody here wrote: each operation takes what it knows
// of them or refuses them by name; none breaks it.
import { expect, test } from "bun:test";
import { OPERATIONS, runOperation } from "../../../../src/emulator/control-plane/operations.ts";
import { Fault } from "../../../../src/emulator/tunnels/fault.ts";
import { CONFORMANCE_MARK, conformance, readCases, tally } from "../../../helpers/conformance.ts";
import { makeTunnels } from "../../../helpers/emulator.ts";

interface Case {
  readonly id: string;
  readonly serialized: { readonly body?: string };
}

const FILE = conformance("awsjson/input.json");

test.skipIf(FILE === undefined)(`every body, sent to every operation ${CONFORMANCE_MARK}`, () => {
  const cases = readCases<{ readonly cases: readonly Case[] }[]>(FILE ?? "").flatMap(({ cases }) => cases);
  expect(cases).toHaveLength(54);
  const broken: string[] = [];
  for (const name of Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[]) {
    for (const { id, serialized } of cases) {
      try {
        runOperation(name, JSON.parse(serialized.body || "{}"), makeTunnels().tunnels);
      } catch (error) {
        if (!(error instanceof Fault)) broken.push(`${name}: ${id}: ${error}`);
      }
    }
  }
  expect(broken).toEqual([]);
  tally("requests of AWS JSON 1.1", cases.length);
});
