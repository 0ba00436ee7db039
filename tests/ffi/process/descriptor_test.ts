import { assertEquals, assertThrows } from "@std/assert";
import {
  AF_UNIX,
  close,
  cString,
  descriptorAccess,
  Errno,
  errnoOf,
  isCloseOnExec,
  libc,
  O_CLOEXEC,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  OwnedFd,
  setCloseOnExec,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  socket,
  socketpair,
  SystemError,
} from "../../../ffi/mod.ts";
import { assertAbandoned, assertConnected, leavingNothingOpen } from "../descriptors.ts";

Deno.test(
  "close() closes a descriptor, and throws EBADF the second time",
  leavingNothingOpen((scope) => {
    const [fd, peer] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    scope.own(peer);
    assertConnected(fd, peer);
    close(fd);
    assertAbandoned(peer);
    assertThrows(() => close(fd), SystemError, "close: Bad file descriptor (EBADF)");
  }),
);

Deno.test(
  "isCloseOnExec() returns whether a socket was opened with SOCK_CLOEXEC",
  leavingNothingOpen((scope) => {
    for (const flag of [0, SOCK_CLOEXEC]) {
      const fd = scope.own(socket(AF_UNIX, SOCK_DGRAM | flag, 0));
      assertEquals(isCloseOnExec(fd), flag !== 0);
    }
  }),
);

Deno.test(
  "setCloseOnExec() sets and clears the flag of one descriptor",
  leavingNothingOpen((scope) => {
    const [fd, other] = scope.pair();
    for (const closeOnExec of [false, true, false]) {
      setCloseOnExec(fd, closeOnExec);
      assertEquals([isCloseOnExec(fd), isCloseOnExec(other)], [closeOnExec, true]);
    }
  }),
);

Deno.test("isCloseOnExec() and setCloseOnExec() fail with EBADF if the descriptor is not open", () => {
  assertEquals(errnoOf(() => isCloseOnExec(-1)), Errno.EBADF);
  assertEquals(errnoOf(() => setCloseOnExec(-1, true)), Errno.EBADF);
});

Deno.test(
  "descriptorAccess() returns how a file was opened",
  leavingNothingOpen((scope) => {
    const opened = [O_RDONLY, O_WRONLY, O_RDWR, O_PATH].map((flags) =>
      scope.own(libc.open(cString("/dev/null"), flags | O_CLOEXEC, 0))
    );
    assertEquals(opened.map(descriptorAccess), ["r", "w", "rw", "path"]);
    assertEquals(errnoOf(() => descriptorAccess(-1)), Errno.EBADF);
  }),
);

Deno.test(
  "OwnedFd closes its descriptor at the end of the scope",
  leavingNothingOpen((scope) => {
    const [fd, peer] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    scope.own(peer);
    {
      using owned = new OwnedFd(fd);
      assertConnected(owned.fd, peer);
    }
    assertAbandoned(peer);
  }),
);

Deno.test(
  "OwnedFd closes its descriptor once, even if the number is reused by then",
  leavingNothingOpen((scope) => {
    const open = () => socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const owned = new OwnedFd(open());
    assertEquals(owned.isOpen, true);
    owned.close();
    assertEquals(owned.isOpen, false);

    const next = scope.own(open());
    assertEquals(next, owned.fd, "the kernel gives the lowest free number");
    owned.close();
    assertEquals(isCloseOnExec(next), true); // EBADF if it were closed
  }),
);
