import assert from "node:assert/strict";
import { test } from "node:test";
import { IdRange, toNumber } from "@seqd/client";

test("a range is exact above 2^53", () => {
  const ids = new IdRange(2n ** 53n, 3);
  assert.deepEqual([...ids], [9007199254740992n, 9007199254740993n, 9007199254740994n]);
  assert.equal(ids.last, 9007199254740994n);
  assert.equal(new IdRange(2n ** 63n - 2n, 2).last, 2n ** 63n - 1n);
});

test("a range as text", () => {
  assert.equal(String(new IdRange(7n, 0)), "none");
  assert.equal(String(new IdRange(7n, 1)), "7");
  assert.equal(`${new IdRange(7n, 10)}`, "7..16");
});

test("toNumber refuses what a number can't hold", () => {
  assert.equal(toNumber(1n), 1);
  assert.equal(toNumber(2n ** 53n - 1n), Number.MAX_SAFE_INTEGER);
  for (const id of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n]) {
    assert.throws(() => toNumber(id), RangeError);
  }
});
