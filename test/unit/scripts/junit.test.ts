import { expect, test } from "bun:test";
import { parseJunit } from "../../../scripts/junit.ts";

test("counts passed, failed and skipped cases and names the last two", () => {
  const xml = `<testsuites tests="5" failures="2" skipped="1">
    <testsuite name="a.test.ts"><testsuite name="group">
      <testcase name="one" /><testcase name="two"></testcase>
      <testcase name="three"><failure message="&lt;skipped">expected</failure></testcase>
      <testcase name="four" classname="inner &gt; group" file="a.test.ts"><error message="late" /></testcase>
      <testcase name="a &lt;b&gt; &amp;lt; &quot;c&quot;"><skipped message="TODO" /></testcase>
    </testsuite></testsuite></testsuites>`;
  expect(parseJunit(xml)).toEqual({
    passed: 2,
    failed: ["three", "a.test.ts: inner > group: four"],
    skipped: ['a <b> &lt; "c"'],
  });
});

test("an empty report has no tests", () => {
  expect(parseJunit('<testsuites tests="0"></testsuites>')).toEqual({ passed: 0, failed: [], skipped: [] });
});
