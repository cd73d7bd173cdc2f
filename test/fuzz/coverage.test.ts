import { describe, expect, test } from "bun:test";
import { withCalls } from "./coverage.ts";

/** Runs a program with calls in it, and returns its `result` and the places that it reached. */
function run(program: string): {
  readonly result: unknown;
  readonly places: readonly number[];
  readonly all: number;
} {
  let all = 0;
  const counted = withCalls(program, () => all++);
  const places: number[] = [];
  const result: unknown = new Function("$hit", `${counted}; return result;`)((place: number) =>
    places.push(place),
  );
  return { result, places, all };
}

describe("calls in every branch", () => {
  test.each([
    ["a condition without braces", "let result = 0; if (result) result = 1; else result = 2;", 2, 1],
    [
      "a chain of conditions",
      "let result = 3; if (!result) result = 1; else if (result > 5) result = 2; else result = 4;",
      4,
      1,
    ],
    ["loops", "let result = 0; for (const n of [1, 2]) result += n; while (result < 5) { result++; }", 5, 2],
    ["a switch", "let result; switch (2) { case 1: case 2: result = 7; break; default: result = 8; }", 7, 3],
    [
      "expressions",
      "const f = (a) => a ?? (a === null ? 1 : 2); const result = f(null) || f(undefined) && 3;",
      1,
      5,
    ],
    [
      "functions of all kinds",
      "class A { #x = 1; get y() { return this.#x; } static { A.z = 2; } } const result = new A().y + A.z;",
      3,
      1,
    ],
    ["an arrow that gives a mapping", "const f = () => ({ a: 1 }); const result = f().a;", 1, 1],
    ["a failure", "let result; try { throw 1; } catch { result = 2; } finally { result++; }", 3, 3],
  ])("%s", (_title, program, wanted, branches) => {
    const { result, places, all } = run(program);
    expect(result).toBe(wanted);
    expect(all).toBeGreaterThanOrEqual(branches);
    expect(new Set(places).size).toBeGreaterThan(0);
  });

  test("tell the branch that was taken from the one that was not", () => {
    const taken = run("const result = true ? 1 : 2;");
    const other = run("const result = false ? 1 : 2;");
    expect([taken.all, taken.places, other.places]).toEqual([2, [0], [1]]);
  });
});
