import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  attempt,
  check,
  checkRestarting,
  close,
  Errno,
  errnoName,
  errnoOf,
  errnoText,
  lastErrno,
  libc,
  SystemError,
} from "../../../ffi/mod.ts";
import { command, resultOf } from "../programs.ts";

// SAFETY: the errno of this thread, which lives as long as the thread. A libc function writes it
// too.
const errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(libc.__errno_location()!, 4));

/** Sets errno and returns -1, as a failing libc function does. */
function failWith(code: number): -1 {
  errno[0] = code;
  return -1;
}

Deno.test("Errno has libc's numbers for its names", () => {
  assertEquals(
    Object.fromEntries(Object.values(Errno).map((number) => [errnoName(number), number])),
    Errno,
  );
});

Deno.test("errnoName() and errnoText() return a text for a number without a name", () => {
  assertEquals(errnoName(4095), "errno 4095");
  assertEquals(errnoText(4095), "Unknown error 4095");
  assertEquals(errnoText(Errno.EPERM), "Operation not permitted");
});

Deno.test("SystemError names the call, the text and the errno", () => {
  const error = new SystemError("bind", Errno.ENODEV);
  assertEquals(String(error), "SystemError: bind: No such device (ENODEV)");
  assertEquals([error.syscall, error.errno, error.code], ["bind", 19, "ENODEV"]);
});

Deno.test("SystemError begins with the attempted action", () => {
  const error = new SystemError("bind", Errno.ENODEV, 'Cannot bind the packet socket to "lo0"');
  assertEquals(
    error.message,
    'Cannot bind the packet socket to "lo0": bind: No such device (ENODEV)',
  );
});

Deno.test("lastErrno() returns the errno of the previous call", () => {
  libc.close(-1);
  assertEquals(lastErrno(), Errno.EBADF);
  libc.socket(-1, 0, 0);
  assertEquals(lastErrno(), Errno.EAFNOSUPPORT);
});

Deno.test("lastErrno() is right 100,000 times in a row", () => {
  const wrong: number[] = [];
  for (let i = 0; i < 50_000; i++) {
    libc.close(-1);
    const afterClose = lastErrno();
    libc.socket(-1, 0, 0);
    const afterSocket = lastErrno();
    if (afterClose !== Errno.EBADF || afterSocket !== Errno.EAFNOSUPPORT) wrong.push(i);
  }
  assertEquals(wrong, []);
});

Deno.test("check() passes on every result but -1", () => {
  failWith(Errno.EPERM); // of an earlier call; check() must ignore it
  for (const result of [0, 1, 2 ** 31 - 1, -2]) assertEquals(check(result, "read"), result);
});

Deno.test("check() throws the errno of a real call", () => {
  const error = assertThrows(() => check(libc.close(-1), "close"), SystemError);
  assertEquals(error.message, "close: Bad file descriptor (EBADF)");
});

Deno.test("checkRestarting() repeats an interrupted call until it succeeds", () => {
  let calls = 0;
  const interruptedTwice = () => ++calls < 3 ? failWith(Errno.EINTR) : 7;
  assertEquals([checkRestarting(interruptedTwice, "recvmsg"), calls], [7, 3]);
});

Deno.test("checkRestarting() does not repeat a call that failed for another reason", () => {
  let calls = 0;
  const step = () => checkRestarting(() => (calls++, failWith(Errno.EAGAIN)), "recvmsg");
  assertEquals([errnoOf(step), calls], [Errno.EAGAIN, 1]);
});

Deno.test("checkRestarting() gives up a call that is interrupted every time", () => {
  let calls = 0;
  const step = () => checkRestarting(() => (calls++, failWith(Errno.EINTR)), "recvmsg");
  assertEquals([errnoOf(step), calls], [Errno.EINTR, 65]);
});

Deno.test("signals end poll() early, with nothing ready, and only delay a receive", async () => {
  assertEquals(await resultOf(command("ffi/abi/programs/interrupted.ts")), {
    revents: [0],
    pollReturnedEarly: true,
    receiveWasRestarted: true,
    end: "EAGAIN",
  });
});

Deno.test("attempt() puts the purpose of the step before the message of a SystemError", () => {
  const error = assertThrows(() => attempt("Cannot close it", () => close(-1)), SystemError);
  assertEquals(error.message, "Cannot close it: close: Bad file descriptor (EBADF)");
  assertEquals([error.syscall, error.errno], ["close", Errno.EBADF]);
});

Deno.test("attempt() passes results and other errors on", () => {
  const other = new RangeError("other");
  const failing = () => {
    throw other;
  };
  assertEquals(attempt("Cannot add", () => 1 + 1), 2);
  assertStrictEquals(assertThrows(() => attempt("Cannot add", failing)), other);
});

Deno.test("errnoOf() returns 0 for success and the errno of a SystemError, and throws other errors", () => {
  assertEquals(errnoOf(() => {}), 0);
  assertEquals(errnoOf(() => close(-1)), Errno.EBADF);
  assertThrows(() =>
    errnoOf(() => {
      throw new RangeError("other");
    }), RangeError);
});
