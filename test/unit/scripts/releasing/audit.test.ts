import { expect, test } from "bun:test";
import { auditSentence } from "../../../../scripts/releasing/audit.ts";

/** As `npm audit --json` writes it. */
function report(names: readonly string[]): string {
  return JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: Object.fromEntries(names.map((name) => [name, { name, severity: "high" }])),
    metadata: { vulnerabilities: { high: names.length, total: names.length }, dependencies: { prod: 116 } },
  });
}

test("packages without known faults are counted", () => {
  expect(auditSentence(report([]))).toBe("audit: no known faults in 116 packages");
});

test("a package with a known fault is not released", () => {
  expect(() => auditSentence(report(["ws", "mqtt"]))).toThrow("packages with known faults: ws, mqtt");
});

test.each(["", "{}", '{"message":"405 Method Not Allowed"}'])(
  "a registry that answers %p has not audited",
  (text) => {
    expect(auditSentence(text)).toStartWith("audit not done");
  },
);
