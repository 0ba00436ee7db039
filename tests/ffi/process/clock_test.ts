import { assert, assertEquals } from "@std/assert";
import { nanoseconds, realtime, timespec } from "../../../ffi/mod.ts";
import { command, run } from "../programs.ts";

Deno.test("nanoseconds() joins seconds and nanoseconds, exactly", () => {
  const time = timespec.alloc();
  time.tv_sec = 2n ** 33n;
  time.tv_nsec = 999_999_999n;
  assertEquals(nanoseconds(time), 8_589_934_592_999_999_999n);
});

Deno.test("realtime() is the time of day, and advances", () => {
  const before = BigInt(Date.now()) * 1_000_000n;
  const [first, second] = [realtime(), realtime()];
  const after = BigInt(Date.now() + 1) * 1_000_000n;
  assert(
    before <= first && first <= second && second <= after,
    `${[before, first, second, after]}`,
  );
});

Deno.test("alarm() ends a program that hangs, unless it is cancelled", async () => {
  const ends = await Promise.all(
    [[], ["off"]].map((args) => run(command("ffi/process/programs/alarm.ts", args))),
  );
  assertEquals(ends.map(({ code }) => code), [128 + 14, 0]);
});
