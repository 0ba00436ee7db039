import { assertEquals } from "@std/assert";
import {
  Errno,
  errnoOf,
  getppid,
  posix_spawn,
  PR_GET_DUMPABLE,
  PR_SET_DUMPABLE,
  prctl,
  reapStatus,
  setrlimit,
  sleep,
} from "../../../ffi/mod.ts";
import { command, resultOf, run } from "../programs.ts";

Deno.test("prctl() changes a setting that it reads back", () => {
  const dumpable = prctl(PR_GET_DUMPABLE, 0);
  const other = dumpable === 0 ? 1 : 0;
  try {
    assertEquals(prctl(PR_SET_DUMPABLE, other), 0);
    assertEquals(prctl(PR_GET_DUMPABLE, 0), other);
  } finally {
    prctl(PR_SET_DUMPABLE, dumpable);
  }
});

Deno.test("prctl() fails with EINVAL for an unknown operation or value", () => {
  assertEquals(errnoOf(() => prctl(123_456, 0)), Errno.EINVAL);
  assertEquals(errnoOf(() => prctl(PR_SET_DUMPABLE, 99)), Errno.EINVAL);
});

Deno.test("reapStatus() returns how a child ended, and undefined before", () => {
  const statusOf = (script: string) => {
    const pid = posix_spawn("/bin/sh", ["sh", "-c", script]);
    for (;;) {
      const status = reapStatus(pid);
      if (status === undefined) sleep(1);
      else return [status, errnoOf(() => reapStatus(pid))];
    }
  };
  for (const [script, status] of [["exit 0", 0], ["exit 255", 255], ["kill -9 $$", 137]] as const) {
    assertEquals(statusOf(script), [status, Errno.ECHILD]);
  }
  const waiting = posix_spawn("/bin/sleep", ["sleep", "60"]);
  assertEquals(reapStatus(waiting), undefined);
  Deno.kill(waiting, "SIGKILL");
  while (reapStatus(waiting) === undefined) sleep(1);
});

Deno.test("getppid() agrees with Deno", () => {
  assertEquals(getppid(), Deno.ppid);
});

Deno.test("setsid() starts a new session, and throws EPERM for the leader of a process group", async () => {
  assertEquals(await resultOf(command("ffi/process/programs/session.ts")), {
    isNew: true,
    again: "EPERM",
  });
});

Deno.test("setrlimit() lowers a limit, which then holds", async () => {
  assertEquals(await resultOf(command("ffi/process/programs/limits.ts")), {
    highest: 99,
    end: "EMFILE",
  });
});

Deno.test("setrlimit() fails with EINVAL for an unknown resource", () => {
  assertEquals(errnoOf(() => setrlimit(9999, 1)), Errno.EINVAL);
});

Deno.test("posix_spawn() starts a program with its arguments, or throws SystemError", async () => {
  const { code, stdout } = await run(command("ffi/process/programs/spawn.ts"));
  assertEquals({ code, stdout }, { code: 0, stdout: 'one\ntwo words\nü\n{"missing":"ENOTDIR"}' });
});

Deno.test("markCloseOnExecFrom() marks the first descriptor and all above it, and none below", async () => {
  assertEquals(await resultOf(command("ffi/process/programs/mark_close_on_exec.ts")), [
    false,
    true,
    true,
  ]);
});

Deno.test("markCloseOnExecFrom() works even if close_range() is refused or missing", async () => {
  for (const errno of ["EINVAL", "ENOSYS", "EPERM"]) {
    const marked = await resultOf(command("ffi/process/programs/mark_close_on_exec.ts", [errno]));
    assertEquals(marked, [false, true, true], errno);
  }
});
