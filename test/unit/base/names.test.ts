import { expect, test } from "bun:test";
import { isApiName, isRegion } from "../../../src/base/names.ts";

test.each(["a", "SSH", "pump-7", "a:b_c-d", "-x", "x".repeat(128)])(
  "%p can name a thing or a service",
  (text) => {
    expect(isApiName(text)).toBe(true);
  },
);

test.each(["", "x".repeat(129), "a b", "a.b", "a/b", "ä", "a\n", "a,b"])("%p cannot", (text) => {
  expect(isApiName(text)).toBe(false);
});

test.each(["eu-west-1", "us-gov-east-1", "ap-southeast-12", "cn-north-1", "us-isob-east-1"])(
  "%p is a region",
  (text) => {
    expect(isRegion(text)).toBe(true);
  },
);

test.each([
  "",
  "nowhere",
  "eu-wst",
  "eu-west-1.evil.test",
  "evil.test/eu-west-1",
  "eu-west-1@evil.test",
  "eu-west-1:1",
  "eu-west-1\n",
  "EU-WEST-1",
  "eu_west_1",
  "-eu-west-1",
  `eu-${"w".repeat(13)}-1`,
  "a-b-c-d-e-f-1",
])("%p is none", (text) => {
  expect(isRegion(text)).toBe(false);
});
