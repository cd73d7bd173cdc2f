import { expect, test } from "bun:test";
import { pageWith, ROWS, rowsOf } from "../../../scripts/conformance-page.ts";

const EMPTY = "before\n<!-- results -->\nold\n<!-- /results -->\nafter\n";

test("what is written is read again, and the rest of the page stays", () => {
  const results = new Map(
    ROWS.map(({ what, test }, index) => [what, { held: `${index} of ${index}`, test }]),
  );
  const page = pageWith(EMPTY, results, "made with x");
  expect(rowsOf(page)).toEqual(results);
  expect(page).toStartWith("before\n<!-- results -->\n| what ");
  expect(page).toEndWith("\nmade with x.\n<!-- /results -->\nafter\n");
  expect(pageWith(page, results, "made with x")).toBe(page);
});

test("a page without rows has none, and one without marks is told", () => {
  expect(rowsOf(EMPTY).size).toBe(0);
  expect(() => pageWith("nothing", new Map(), "")).toThrow("lacks");
});
