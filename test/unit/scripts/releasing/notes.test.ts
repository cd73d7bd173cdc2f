import { expect, test } from "bun:test";
import { notesOf } from "../../../../scripts/releasing/notes.ts";

const CHANGELOG =
  "# Changelog\n\n## 1.10.0 — unreleased\n\nNew.\n\n### More\n\n- a\n\n## 1.1.0 — 2026\n\nOld.\n";

test("notes are the section of the version, to the next one", () => {
  expect(notesOf(CHANGELOG, "1.10.0")).toBe("New.\n\n### More\n\n- a\n");
  expect(notesOf(CHANGELOG, "1.1.0")).toBe("Old.\n");
});

test("a version that the change log does not tell of is not released", () => {
  expect(() => notesOf(CHANGELOG, "1.1")).toThrow("CHANGELOG.md says nothing of 1.1");
});
