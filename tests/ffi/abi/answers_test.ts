/**
 * Calls that report success and write no result are detected. Replacements for libc functions
 * simulate them.
 */

import { assertThrows } from "@std/assert";
import {
  AF_UNIX,
  AnswerError,
  capget,
  getpeername,
  getresgid,
  getresuid,
  getsockname,
  getsockopt,
  getsockoptInt,
  readDirectory,
  readLink,
  readTextFile,
  SO_COOKIE,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  socketpair,
  SOL_SOCKET,
} from "../../../ffi/mod.ts";
import { libc } from "../../../ffi/abi/libc.ts";

/** Replaces a function by one that only returns success, in the isolate of this file alone. */
const SUCCESSES: Partial<Record<keyof typeof libc, number>> = {
  capget: 0,
  getdents64: 48,
  getpeername: 0,
  getresgid: 0,
  getresuid: 0,
  getsockname: 0,
  getsockopt: 0,
  readlink: 20,
  socketpair: 0,
};

for (const [name, result] of Object.entries(SUCCESSES)) {
  Object.defineProperty(libc, name, { value: () => result });
}
const reads = [20, 0];
Object.defineProperty(libc, "read", { value: () => reads.shift() });

const ATTEMPTS: [call: keyof typeof SUCCESSES, attempt: () => unknown][] = [
  ["capget", capget],
  ["getdents64", () => readDirectory("/proc/self/task")],
  ["getpeername", () => getpeername(0)],
  ["getresgid", getresgid],
  ["getresuid", getresuid],
  ["getsockname", () => getsockname(0)],
  ["getsockopt", () => getsockoptInt(0, SOL_SOCKET, SO_TYPE)],
  ["getsockopt", () => getsockopt(0, SOL_SOCKET, SO_COOKIE, 8)],
  ["readlink", () => readLink("/proc/self/exe")],
  ["socketpair", () => socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)],
];

for (const [i, [call, attempt]] of ATTEMPTS.entries()) {
  Deno.test(`${call}() that reports success and writes nothing is detected (${i})`, () => {
    assertThrows(attempt, AnswerError, `${call}: reported success with an impossible result`);
  });
}

Deno.test("A read() that writes nothing and then reports the end of the file is detected", () => {
  assertThrows(
    () => readTextFile("/proc/self/status"),
    AnswerError,
    "read: reported success with an impossible result",
  );
});
