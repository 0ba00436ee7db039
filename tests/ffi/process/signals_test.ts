import { assert, assertEquals, assertThrows } from "@std/assert";
import { signalsIn, stopIgnoring, SystemError } from "../../../ffi/mod.ts";
import { command, resultOf } from "../programs.ts";

/** Signals that the kernel or libc sends to a particular thread. Source: signal(7), nptl(7). */
const NEVER_BLOCKED = [4, 5, 6, 7, 8, 9, 11, 19, 31, 32, 33, 34];
const TERMINAL_INPUT_AND_OUTPUT = [21, 22];

Deno.test("blockSignals() blocks all signals that may have a handler on this thread, and on no other", async () => {
  const { here, elsewhere, received } = await resultOf(
    command("ffi/process/programs/signals_blocked.ts"),
  );
  const all = Array.from({ length: 64 }, (_, i) => i + 1);
  const left = [...NEVER_BLOCKED, ...TERMINAL_INPUT_AND_OUTPUT];
  assertEquals(here, all.filter((signal) => !left.includes(signal)));
  assert(elsewhere.some((blocked: number[]) => blocked.length === 0), "no thread accepts signals");
  assertEquals(received, ["SIGUSR1", "SIGTERM"]);
});

Deno.test("Signals arrive even if V8 has no threads of its own", async () => {
  const { received } = await resultOf(
    command("ffi/process/programs/signals_blocked.ts", [], ["--v8-flags=--single-threaded"]),
  );
  assertEquals(received, ["SIGUSR1", "SIGTERM"]);
});

Deno.test("withOriginalMask() starts programs with the signal mask from before blockSignals()", async () => {
  const { inherited, original, spawned, within, after } = await resultOf(
    command("ffi/process/programs/signals_blocked.ts"),
  );
  assertEquals({ original, spawned, within }, { original: [], spawned: [], within: [] });
  assert(inherited.length > 40, "without it, programs inherit the blocked signals");
  assertEquals(after, inherited, "the mask after a step that throws");
});

Deno.test("restoreDefaultSignals() leaves no handler, not even seconds later, and keeps ignored signals", async () => {
  const plain = await resultOf(command("ffi/process/programs/signals_restored.ts"));
  const underNohup = await resultOf([
    "nohup",
    ...command("ffi/process/programs/signals_restored.ts"),
  ]);
  for (const { caught, later } of [plain, underNohup]) {
    const handlers = [...caught, ...later].filter((signal) => !NEVER_BLOCKED.includes(signal));
    assertEquals(handlers, []);
  }
  assertEquals(new Set(underNohup.ignored), new Set([1, ...plain.ignored]));
});

Deno.test("stopIgnoring() lets a process wait for its children that was started to ignore them", async () => {
  const program = command("ffi/process/programs/child_waited_for.ts");
  const ignoring = await resultOf(["env", "--ignore-signal=CHLD", ...program]);
  assertEquals(ignoring, { before: false, after: true, success: true, again: true });
  const plain = await resultOf(program);
  assertEquals(plain, { before: true, after: true, success: true, again: true });
});

Deno.test("stopIgnoring() refuses a signal that does not exist", () => {
  assertThrows(() => stopIgnoring(1000), SystemError, "sigaction: Invalid argument (EINVAL)");
});

Deno.test("signalsIn() names a missing mask", () => {
  assertEquals(signalsIn("SigBlk:\t0000000000004001\n", "SigBlk"), new Set([1, 15]));
  assertThrows(() => signalsIn("Name:\tx\n", "SigPnd"), RangeError, "SigPnd");
});
