import { assertEquals, assertThrows } from "@std/assert";
import { errorsIn } from "../../../lib/evidence/errors.ts";
import { runtimeCall } from "../../../lib/host/runtime_call.ts";
import { SystemError } from "../../../ffi/mod.ts";

Deno.test("runtimeCall() returns the result of the call", () => {
  assertEquals(runtimeCall("spawn", "Cannot", () => 7), 7);
});

Deno.test("runtimeCall() throws a SystemError with the errno of a refused call", () => {
  for (const program of ["/nosuch/program", "nosuchprogram"]) {
    const missing = () => new Deno.Command(program).outputSync();
    const error = assertThrows(() => runtimeCall("spawn", "Cannot start it", missing), SystemError);
    assertEquals(error.message, "Cannot start it: spawn: No such file or directory (ENOENT)");
  }
  const refused = () => {
    throw new Deno.errors.PermissionDenied("EPERM: Operation not permitted");
  };
  assertThrows(
    () => runtimeCall("kill", "Cannot end it", refused),
    SystemError,
    "Cannot end it: kill: Operation not permitted (EPERM)",
  );
});

Deno.test("runtimeCall() passes on other errors of the runtime", () => {
  const ended = () => {
    throw new TypeError("Child process has already terminated");
  };
  assertThrows(() => runtimeCall("kill", "Cannot end it", ended), TypeError, "already terminated");
});

Deno.test("errorsIn() returns the errors of a step and of its clean-up, in order", () => {
  const [first, second, third] = ["one", "two", "three"].map((text) => new Error(text));
  assertEquals(errorsIn(first), [first]);
  const both = new SuppressedError(third, new SuppressedError(second, first));
  assertEquals(errorsIn(both), [first, second, third]);
});
