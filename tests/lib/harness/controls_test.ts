/**
 * Root's own controls, where nothing is refused: they excuse no child. Where something is refused,
 * `tests/e2e/excuses_test.ts` and the surroundings run them.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { Errno, if_nametoindex } from "../../../ffi/mod.ts";
import { defaultLauncher } from "../../../lib/confine/launcher.ts";
import { ChildDied, ChildGaveUp, ExperimentError } from "../../../lib/evidence/errors.ts";
import { type Circumstances, whyNobodyCould } from "../../../lib/harness/controls.ts";
import { testNeeding } from "../../support/needs.ts";

const circumstances = (): Circumstances => ({
  ifindex: if_nametoindex("lo"),
  launcher: defaultLauncher(),
  files: undefined,
});
const gaveUp = (syscall: string, errno: number) => new ChildGaveUp("", { syscall, errno });
const root = { root: true, programs: { setpriv: "util-linux" } };

testNeeding(root, "A child is not excused by calls that succeed for root", async () => {
  for (
    const syscall of ["seccomp", "setsockopt", "recvmsg", "setresuid", "io_uring_setup", "open"]
  ) {
    for (const errno of [Errno.EPERM, Errno.ENOMEM]) {
      assertEquals(await whyNobodyCould(gaveUp(syscall, errno), circumstances()), undefined);
    }
  }
});

testNeeding(
  root,
  "A child is not excused by the errno of the control's own arguments",
  async () => {
    for (const errno of [Errno.EBADF, Errno.EINVAL, Errno.EFAULT, Errno.EAGAIN]) {
      for (const syscall of ["recvmsg", "seccomp", "setgroups", "getdents64", "openat"]) {
        assertEquals(await whyNobodyCould(gaveUp(syscall, errno), circumstances()), undefined);
      }
    }
  },
);

testNeeding(
  root,
  "A child is not excused if it names no call, or one without a control",
  async () => {
    const errors = [
      new ChildGaveUp("", undefined),
      gaveUp("exit_group", Errno.EPERM),
      gaveUp("__proto__", Errno.EPERM),
      new ExperimentError("it broke the protocol"),
      new ChildDied("it died"), // an empty program lives
    ];
    for (const error of errors) {
      assertEquals(
        await whyNobodyCould(error, circumstances()),
        undefined,
      );
    }
  },
);

Deno.test("A death is excused by the control that was made at once", async () => {
  const died = new ChildDied("it died", undefined, "root's own control failed");
  const consequence = new ExperimentError("No worker is left", { cause: died });
  for (const error of [died, consequence]) {
    assertEquals(await whyNobodyCould(error, circumstances()), "root's own control failed");
  }
});

testNeeding(root, "A child is excused if an empty program cannot be started like it", async () => {
  const failing = { ...circumstances(), launcher: ["sh", "-c", "echo no room >&2; exit 9"] };
  const reason = await whyNobodyCould(new ChildDied("it died"), failing);
  assertMatch(
    reason ?? "",
    /an empty program .* ends with status 9 too: no room; raise the limits/,
  );
  const killed = { ...circumstances(), launcher: ["sh", "-c", "kill -TRAP $$"] };
  assertMatch(await whyNobodyCould(new ChildDied("it died"), killed) ?? "", /ends by SIGTRAP too/);
  const missing = { ...circumstances(), launcher: ["/nonexistent"] };
  const refusal = await whyNobodyCould(new ChildDied("it died"), missing);
  assertMatch(refusal ?? "", /^root's own control is refused too: .*spawn: .*\(ENOENT\)$/);
});
