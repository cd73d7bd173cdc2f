import { expect, test } from "bun:test";
import { receiveShare } from "../../../src/proxy/receive-shares.ts";

const KIB = 1024;

test.each([
  [1, undefined],
  [32, undefined],
  [33, 256 * KIB],
  [64, 256 * KIB],
  [65, 128 * KIB],
  [129, 64 * KIB],
  [4_096, 64 * KIB],
])("%d sockets: %p bytes each", (sockets, share) => {
  expect(receiveShare(sockets)).toBe(share);
});
