import { expect, test } from "bun:test";
import { jsonObject } from "../../../src/base/json-object.ts";

test("the object of a text", () => {
  expect(jsonObject('{"a":[1]}')).toEqual({ a: [1] });
});

test.each(["", "null", "[]", "[{}]", '"text"', "1", "{", '{"a":1} x'])("nothing of %j", (text) => {
  expect(jsonObject(text)).toBeUndefined();
});
