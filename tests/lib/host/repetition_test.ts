import { assertEquals, assertThrows } from "@std/assert";
import { Repetition } from "../../../lib/host/repetition.ts";
import { pause } from "../../support/pause.ts";

Deno.test("Repetition repeats an action until it is stopped", async () => {
  let times = 0;
  {
    using repetition = new Repetition(() => times++, 1);
    assertEquals(times, 0);
    while (times < 3) await pause(1);
    repetition.throwIfFailed();
  }
  const before = times;
  await pause(10);
  assertEquals(times, before);
});

Deno.test("Repetition ends with an error, and throws it when it is asked", async () => {
  let times = 0;
  using repetition = new Repetition(() => {
    times++;
    throw new RangeError("planned");
  }, 1);
  while (times === 0) await pause(1);
  await pause(10);
  assertEquals(times, 1);
  for (let i = 0; i < 2; i++) {
    assertThrows(() => repetition.throwIfFailed(), RangeError, "planned");
  }
});
