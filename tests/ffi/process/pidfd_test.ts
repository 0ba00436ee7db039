import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_UNIX,
  copyDescriptor,
  isCloseOnExec,
  isSameFile,
  openProcess,
  OwnedFd,
  setCloseOnExec,
  SOCK_DGRAM,
  socket,
  SystemError,
} from "../../../ffi/mod.ts";
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
