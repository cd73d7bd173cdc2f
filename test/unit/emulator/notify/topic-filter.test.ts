import { expect, test } from "bun:test";
import { isTopicFilter, matchesTopic } from "../../../../src/emulator/notify/topic-filter.ts";

test.each([
  ["a/b", true],
  ["a/+/b", true],
  ["a/#", true],
  ["/", true],
  ["#", true],
  ["", false],
  ["a/#/b", false],
  ["a/b#", false],
  ["a/+b", false],
])("%p is a topic filter: %p", (filter, expected) => {
  expect(isTopicFilter(filter)).toBe(expected);
});

test.each([
  ["a/b", "a/b", true],
  ["a/b", "a/b/c", false],
  ["a/b", "a", false],
  ["a/+", "a/b", true],
  ["a/+", "a/", true],
  ["a/+", "a", false],
  ["a/+/c", "a/b/c", true],
  ["a/#", "a/b/c", true],
  ["a/#", "a", true],
  ["a/#", "b", false],
  ["a/+/#", "a", false],
])("%p matches %p: %p", (filter, topic, expected) => {
  expect(matchesTopic(filter, topic)).toBe(expected);
});
