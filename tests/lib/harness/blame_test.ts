/** Who ended an experiment, by the errors that ended it. */

import { assertEquals } from "@std/assert";
import { AnswerError, DescriptorError, Errno, SystemError } from "../../../ffi/mod.ts";
import {
  CannotLook,
  ChildDied,
  ChildGaveUp,
  CutShort,
  ExperimentError,
  InterfaceChanged,
  TimeRanOut,
} from "../../../lib/evidence/errors.ts";
import { earlyEndOf, endsAnExperiment, isChilds } from "../../../lib/harness/blame.ts";

const CHILDS = [
  new ExperimentError("it broke the protocol"),
  new ChildGaveUp("it gave up", undefined),
  new ChildDied("it died"),
  new DescriptorError("two descriptors came", 1, 2),
];
const SURROUNDINGS = [
  new CutShort("Interrupted by SIGINT"),
  new TimeRanOut(300),
  new InterfaceChanged("eth0 went down", "bring it up"),
  new CannotLook("another tracer"),
  new SystemError("socket", Errno.EPERM),
  new AnswerError("getsockopt", "no answer"),
];

Deno.test("Each error belongs to the child or its surroundings; a defect belongs to neither", async () => {
  for (const [errors, childs] of [[CHILDS, true], [SURROUNDINGS, false]] as const) {
    for (const error of errors) {
      assertEquals([isChilds(error), endsAnExperiment(error)], [childs, true], error.name);
      assertEquals((await earlyEndOf([error])).isChilds, childs, error.name);
    }
  }
  for (const defect of [new TypeError("x"), new RangeError("y"), "z"]) {
    assertEquals(endsAnExperiment(defect), false);
  }
});

Deno.test("earlyEndOf() blames the child if it caused any of the errors", async () => {
  const [childs] = CHILDS, [cutShort] = SURROUNDINGS;
  assertEquals((await earlyEndOf([cutShort, childs])).isChilds, true);
  assertEquals(await earlyEndOf([childs, cutShort]), {
    message: "it broke the protocol; then: Interrupted by SIGINT",
    isChilds: true,
  });
});

Deno.test("earlyEndOf() adds the remedy, if one is known", async () => {
  const messageOf = async (error: Error) => (await earlyEndOf([error])).message;
  assertEquals(
    await messageOf(new TimeRanOut(300)),
    "Time ran out after 0.3 s: allow more time with --timeout",
  );
  assertEquals(
    await messageOf(new SystemError("socket", Errno.EMFILE)),
    "socket: Too many open files (EMFILE): raise the limit of open descriptors: ulimit -n 1024",
  );
  assertEquals(
    await messageOf(new SystemError("bind", Errno.ENODEV)),
    "bind: No such device (ENODEV)",
  );
});

Deno.test("earlyEndOf() waits for the whole message of a death", async () => {
  const death = new ChildDied("it died", Promise.resolve("it died by SIGKILL"));
  assertEquals(await earlyEndOf([death]), { message: "it died by SIGKILL", isChilds: true });
});
