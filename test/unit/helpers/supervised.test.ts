import { expect, test } from "bun:test";
import { TestProcess } from "../../helpers/process.ts";
import { Supervised } from "../../helpers/supervised.ts";
import { waitFor } from "../../helpers/wait.ts";

const start = (script: string) => new Supervised("it", () => new TestProcess("sh", ["-c", script], {}));

test("a supervised process is started again after a kill, which is no end of its own", async () => {
  await using it = start("echo up; exec sleep 100");
  await it.process.waitForLine(/up/);
  const { pid } = it.process;
  await it.kill();
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  await waitFor("another process", () => it.process.pid !== pid);
  await it.process.waitForLine(/up/);
  expect([it.kills.length, it.ownEnds]).toEqual([1, []]);
});

test("an end of its own is kept with what it said last, and it is started again", async () => {
  await using it = start("echo no luck >&2; exit 3");
  await waitFor("two ends", () => it.ownEnds.length >= 2);
  expect(it.ownEnds[0]).toBe("it ended with 3: no luck");
});

test("out of scope it ends for good", async () => {
  let pid: number;
  {
    await using it = start("exec sleep 100");
    pid = it.process.pid;
  }
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});
