import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_UNIX,
  close,
  encodeControlMessages,
  errnoOf,
  getsockname,
  lastErrno,
  libc,
  OwnedFd,
  poll,
  pollAsync,
  POLLIN,
  receiveDescriptors,
  rightsMessage,
  sendmsg,
  setsockopt,
  SO_RCVBUF,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  socket,
  socketpair,
  SOL_SOCKET,
  SystemError,
} from "../../../ffi/mod.ts";
import { traceCalls, type TracedCall } from "../../../ffi/trace/trace.ts";

const calls: TracedCall[] = [];

/** The receiver of the trace may change errno, and make calls. */
traceCalls((call) => {
  calls.push(call);
  libc.close(-1);
  assertThrows(() => Deno.statSync("/nowhere/at/all"));
});

function traced<T>(step: () => T): { result: T; calls: TracedCall[] } {
  const before = calls.length;
  const result = step();
  return { result, calls: calls.slice(before) };
}

Deno.test("traceCalls() leaves errno as the call left it", () => {
  for (const [fd, expected] of [[-1, 9], [0x7fff, 9]]) {
    libc.close(fd);
    assertEquals(lastErrno(), expected);
  }
  assertEquals(errnoOf(() => socket(99, SOCK_DGRAM, 0)), 97); // EAFNOSUPPORT
  assertEquals(errnoOf(() => setsockopt(0, 12345, 1, 1)) > 0, true);
  assertThrows(() => close(-1), SystemError, "close: Bad file descriptor (EBADF)");
});

Deno.test("traceCalls() names arguments, constants and errors", () => {
  const { result: fd, calls: [call] } = traced(() => socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  using owned = new OwnedFd(fd);
  assertEquals(
    call.line,
    `socket(domain: AF_UNIX (1), type: SOCK_DGRAM|SOCK_CLOEXEC (0x80002), protocol: 0) = ${fd}`,
  );
  const [option] = traced(() => setsockopt(owned.fd, SOL_SOCKET, SO_RCVBUF, 4096)).calls;
  assertMatch(option.line, /level: SOL_SOCKET \(1\), optname: SO_RCVBUF \(8\), optval: →/);
  assertMatch(option.details.join("\n"), /0 {2}00 10 00 00 +4096/);
  const [refused] = traced(() => errnoOf(() => close(-1))).calls;
  assertEquals(refused.line, "close(fd: -1) = -1 EBADF (Bad file descriptor)");
});

Deno.test("traceCalls() shows the crossing: msghdr, iovec, cmsghdr, descriptors", () => {
  const [here, there] = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  using _here = new OwnedFd(here);
  using _there = new OwnedFd(there);
  const control = encodeControlMessages([rightsMessage([here, there])]);
  const [sent] = traced(() => sendmsg(here, Uint8Array.of(0x68, 0x69), control, 0)).calls;
  const text = sent.details.join("\n");
  assertMatch(text, /msg: struct msghdr, 56 bytes:/);
  assertMatch(text, /msg\.msg_iov\[0\]\.iov_base: 2 bytes:\n +0 {2}68 69 +hi/);
  assertMatch(text, /cmsg_level SOL_SOCKET \(1\)\n.*cmsg_type SCM_RIGHTS \(1\)\n/);
  assertMatch(text, new RegExp(`16 .*descriptor ${here}\n.*20 .*descriptor ${there}$`));

  const { result, calls: [received] } = traced(() => receiveDescriptors(there, { expected: 2 }));
  result.descriptors.forEach(close);
  const [one, two] = result.descriptors;
  assertMatch(received.line, /^recvmsg\(sockfd: \d+, msg: →, flags: .*MSG_CMSG_CLOEXEC.*\) = 2$/);
  assertMatch(
    received.details.join("\n"),
    new RegExp(`descriptor ${one}\n.*descriptor ${two}$`),
  );
});

Deno.test("traceCalls() decodes addresses and events, and reports calls on other threads", async () => {
  using udp = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const [name] = traced(() => getsockname(udp.fd)).calls;
  assertMatch(name.details[0], /addr: struct sockaddr_in, 16 bytes:/);
  assertMatch(name.line, /addrlen: → 16\) = 0$/);
  const [waited] = traced(() => poll([udp.fd], POLLIN, 0)).calls;
  assertMatch(waited.details.join("\n"), /fds\[0\]: struct pollfd[^]*events POLLIN \(1\)/);
  const before = calls.length;
  await pollAsync([udp.fd], POLLIN, 1);
  const [elsewhere] = calls.slice(before);
  assertEquals(elsewhere.tid, null);
  assertMatch(elsewhere.line, /^poll\(fds: →, nfds: 1, timeout: 1\) = 0$/);
  assertEquals(elsewhere.milliseconds >= 1, true);
});

Deno.test("traceCalls() survives an invalid address", () => {
  using udp = new OwnedFd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const header = new Uint8Array(56);
  new DataView(header.buffer).setBigUint64(16, 8n, true); // msg_iov: an address in the first page
  new DataView(header.buffer).setBigUint64(24, 1n, true); // msg_iovlen
  const { result, calls: [call] } = traced(() => libc.sendmsg(udp.fd, header, 0));
  assertEquals([result, lastErrno()], [-1, 14]);
  assertMatch(call.line, /= -1 EFAULT \(Bad address\)$/);
});
