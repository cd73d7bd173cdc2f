import { describe, expect, test } from "bun:test";
import { ServiceIdsError } from "../../../src/base/errors.ts";
import { matchServices } from "../../../src/engine/services.ts";

type Names = readonly string[];

describe("matchServices", () => {
  const fitting: readonly (readonly [
    title: string,
    entries: Names,
    services: Names,
    expected: readonly [string, string][],
  ])[] = [
    ["the same name", ["SSH"], ["SSH"], [["SSH", "SSH"]]],
    [
      "the same names in another order",
      ["B", "A"],
      ["A", "B"],
      [
        ["A", "A"],
        ["B", "B"],
      ],
    ],
    ["an unnamed entry for one service", [""], ["SSH"], [["SSH", ""]]],
    ["an unnamed entry for a tunnel without services", [""], [], [["", ""]]],
  ];
  test.each(fitting)("takes %s (P31)", (_title, entries, services, expected) => {
    expect([...matchServices(entries, services)]).toEqual(expected.map((pair) => [...pair]));
  });

  const differing: readonly (readonly [title: string, entries: Names, services: Names])[] = [
    ["another name", ["VNC"], ["SSH"]],
    ["one name too few", ["SSH"], ["SSH", "VNC"]],
    ["one name too many", ["SSH", "VNC"], ["SSH"]],
    ["another case", ["ssh"], ["SSH"]],
    ["an unnamed entry for two services", [""], ["SSH", "VNC"]],
    ["an unnamed entry beside a name", ["", "SSH"], ["SSH"]],
    ["a name for a tunnel without services", ["SSH"], []],
    ["no entry", [], ["SSH"]],
  ];
  test.each(differing)("refuses %s, naming both sides (P31)", (_title, entries, services) => {
    const error = errorOf(() => matchServices(entries, services));
    expect(error).toBeInstanceOf(ServiceIdsError);
    for (const name of [...entries, ...services].filter((name) => name !== "")) {
      expect(error?.message).toContain(`"${name}"`);
    }
    expect(error?.hint).toBeDefined();
  });

  test("has words for what has no name", () => {
    const sentence = (entries: Names) => errorOf(() => matchServices(entries, ["SSH", "VNC"]))?.message;
    expect(sentence([""])).toBe(
      'the tunnel has services "SSH", "VNC", this proxy was started for one service without a name',
    );
    expect(sentence(["", "SSH"])).toContain('started for services one without a name, "SSH"');
  });

  test("says what to map", () => {
    expect(errorOf(() => matchServices(["X"], ["SSH", "VNC"]))?.hint).toBe("map exactly these: SSH=…,VNC=…");
  });
});

function errorOf(body: () => unknown): ServiceIdsError | undefined {
  try {
    body();
  } catch (error) {
    if (error instanceof ServiceIdsError) return error;
    throw error;
  }
  return undefined;
}
