import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_UNIX,
  copyDescriptor,
  copyDescriptorOf,
  isCloseOnExec,
  isSameFile,
  openDescriptors,
  openProcess,
  openThread,
  OwnedFd,
  setCloseOnExec,
  SOCK_DGRAM,
  socket,
  SystemError,
} from "../../../ffi/mod.ts";
import { threadIds } from "../../../lib/inspect/threads/threads.ts";
import { startDaemon } from "../../support/daemon.ts";
import { testNeeding } from "../../support/needs.ts";

testNeeding({ root: true }, "copyDescriptor() copies a socket of another process", async () => {
  using passed = new OwnedFd(socket(AF_UNIX, SOCK_DGRAM, 0));
  setCloseOnExec(passed.fd, false);
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
  try {
    using copy = copyDescriptor(child.pid, passed.fd);
    assert(isSameFile(Deno.pid, passed.fd, Deno.pid, copy.fd));
    assert(copy.fd !== passed.fd);
    assert(isCloseOnExec(copy.fd));
    const error = assertThrows(() => copyDescriptor(child.pid, 1 << 16), SystemError);
    assertEquals([error.syscall, error.code], ["pidfd_getfd", "EBADF"]);
  } finally {
    await child.stdin.close();
    await child.status;
  }
});

Deno.test("openProcess() throws ESRCH if there is no such process", () => {
  const highest = 4194304; // PID_MAX_LIMIT: one less is the highest
  const error = assertThrows(() => openProcess(highest), SystemError);
  assertEquals([error.syscall, error.code], ["pidfd_open", "ESRCH"]);
});

testNeeding(
  { root: true, programs: { cc: "gcc" } },
  "copyDescriptorOf() copies from the table of a thread, if it is opened by openThread()",
  async () => {
    const CLONE_FILES = "0x400";
    await using daemon = await startDaemon(["thread", `unshare=${CLONE_FILES}`, "packet", "end"]);
    const [tid] = threadIds(daemon.pid).filter((each) => each !== daemon.pid);
    const shared = openDescriptors(daemon.pid);
    const own = openDescriptors(`${daemon.pid}/task/${tid}` as unknown as number);
    const [fd] = own.keys().filter((each) => !shared.has(each));
    using thread = openThread(tid);
    using process = openProcess(daemon.pid);
    using copy = copyDescriptorOf(thread, fd);
    assert(isSameFile(tid, fd, Deno.pid, copy.fd));
    assertThrows(() => copyDescriptorOf(process, fd), SystemError, "EBADF");
  },
);

Deno.test("openThread() throws ESRCH if there is no such thread", () => {
  const error = assertThrows(() => openThread(4194304), SystemError);
  assertEquals([error.syscall, error.code], ["pidfd_open", "ESRCH"]);
});
