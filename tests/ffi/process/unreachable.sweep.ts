/** A thread that no signal reaches: five seconds, after which the call is given up. */

import { assert, assertEquals } from "@std/assert";
import { command, resultOf } from "../programs.ts";

Deno.test("callOnEveryThread() gives up a thread that does not answer, and refuses to go on", async () => {
  const { errors, seconds } = await resultOf(
    command("ffi/process/programs/unreachable_thread.ts"),
  );
  assertEquals(errors, [
    "SystemError: Thread N does not answer: getppid: Connection timed out (ETIMEDOUT)",
    "SystemError: tgkill: Device or resource busy (EBUSY)",
  ]);
  assert(seconds > 4 && seconds < 60, `${seconds} s`);
});
