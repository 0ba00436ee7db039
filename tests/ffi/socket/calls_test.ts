import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_PACKET,
  AF_UNIX,
  bind,
  close,
  encodeControlMessages,
  Errno,
  errnoOf,
  ETH_P_ALL,
  getsockname,
  getsockopt,
  getsockoptInt,
  if_nametoindex,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  peerPid,
  poll,
  pollAsync,
  Poller,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  ReceiveBuffer,
  receiveDescriptors,
  recv,
  recvmsg,
  rightsMessage,
  send,
  sendDescriptors,
  sendmsg,
  setsockopt,
  SHUT_RDWR,
  shutdown,
  SO_BINDTODEVICE,
  SO_COOKIE,
  SO_DOMAIN,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  sockaddr_ll,
  socket,
  socketpair,
  SOL_SOCKET,
  SystemError,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { assertConnected, leavingNothingOpen } from "../descriptors.ts";
import { command, resultOf } from "../programs.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const NONE = new Uint8Array(0);

Deno.test(
  "socket() opens a socket of the given domain, type and protocol",
  leavingNothingOpen((scope) => {
    for (const type of [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET]) {
      const fd = scope.own(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
      const options = [SO_DOMAIN, SO_TYPE, SO_PROTOCOL];
      assertEquals(options.map((each) => getsockoptInt(fd, SOL_SOCKET, each)), [AF_UNIX, type, 0]);
    }
  }),
);

Deno.test("socket() throws SystemError for an unknown family", () => {
  const error = assertThrows(() => socket(12345, SOCK_DGRAM, 0), SystemError);
  assertEquals([error.syscall, error.code], ["socket", "EAFNOSUPPORT"]);
});

Deno.test(
  "socketpair() returns two ends of one connection",
  leavingNothingOpen((scope) => {
    const [first, second] = socketpair(AF_UNIX, SOCK_DGRAM, 0).map((fd) => scope.own(fd));
    assertConnected(first, second);
    assertConnected(second, first);
  }),
);

Deno.test("socketpair() throws SystemError for an unknown type", () => {
  assertThrows(() => socketpair(AF_UNIX, 99, 0), SystemError, "socketpair: ");
});

Deno.test(
  "bind() gives the address that getsockname() returns",
  leavingNothingOpen((scope) => {
    const fd = scope.own(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const family = Uint8Array.of(AF_UNIX, 0);
    assertEquals(getsockname(fd), family);
    const address = Uint8Array.of(AF_UNIX, 0, 0, ...crypto.getRandomValues(new Uint8Array(16)));
    bind(fd, address);
    assertEquals(getsockname(fd), address);
  }),
);

testNeeding(
  { root: true },
  "bind() ties a packet socket to an interface and a protocol",
  leavingNothingOpen((scope) => {
    const fd = scope.own(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    const address = sockaddr_ll.alloc();
    address.sll_family = AF_PACKET;
    address.sll_protocol = ETH_P_ALL;
    address.sll_ifindex = if_nametoindex("lo");
    bind(fd, address.bytes);
    const bound = sockaddr_ll.over(Uint8Array.of(...getsockname(fd), 0, 0));
    assertEquals(
      [bound.sll_family, bound.sll_protocol, bound.sll_ifindex, bound.sll_halen],
      [AF_PACKET, ETH_P_ALL, address.sll_ifindex, 6],
    );
    address.sll_ifindex = 0x7fff_fffe;
    assertEquals(errnoOf(() => bind(fd, address.bytes)), Errno.ENODEV);
  }),
);

Deno.test(
  "shutdown() wakes the other end",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    assertEquals(poll([there], POLLIN, 0), [0]);
    shutdown(here, SHUT_RDWR);
    assertEquals(poll([there], POLLIN, 0), [POLLIN | POLLHUP]);
    assertEquals(recv(there, new Uint8Array(1), 0), 0);
  }),
);

Deno.test(
  "getsockopt() returns only the bytes of the option",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const cookie = getsockopt(here, SOL_SOCKET, SO_COOKIE, 8);
    assertEquals(cookie.length, 8);
    assert(`${cookie}` !== `${getsockopt(there, SOL_SOCKET, SO_COOKIE, 8)}`, "two sockets");
    assertEquals(getsockopt(here, SOL_SOCKET, SO_TYPE, 64).length, 4);
    assertEquals(getsockopt(here, SOL_SOCKET, SO_BINDTODEVICE, 16).length, 0, "bound to none");
  }),
);

Deno.test(
  "getsockopt() throws SystemError for an unknown option, and for a descriptor that is not a socket",
  leavingNothingOpen((scope) => {
    const [fd] = scope.pair();
    assertEquals(errnoOf(() => getsockopt(fd, SOL_SOCKET, 9999, 4)), Errno.ENOPROTOOPT);
    assertEquals(errnoOf(() => getsockopt(0, SOL_SOCKET, SO_TYPE, 4)), Errno.ENOTSOCK);
  }),
);

Deno.test(
  "setsockopt() is seen by every holder of the socket",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    sendDescriptors(here, [here]);
    const copy = scope.own(receiveDescriptors(there, { expected: 1 }).descriptors[0]);
    const sizes = [8192, Uint8Array.of(0, 0x40, 0, 0)].map((size) => {
      setsockopt(copy, SOL_SOCKET, SO_RCVBUF, size);
      return getsockoptInt(here, SOL_SOCKET, SO_RCVBUF);
    });
    assertEquals(sizes, [2 * 8192, 2 * 16384]); // socket(7): the kernel doubles it
    assertEquals(errnoOf(() => setsockopt(here, SOL_SOCKET, 9999, 1)), Errno.ENOPROTOOPT);
  }),
);

Deno.test(
  "peerPid() returns the process that created the pair",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    assertEquals([peerPid(here), peerPid(there)], [Deno.pid, Deno.pid]);
    assertEquals(errnoOf(() => peerPid(0)), Errno.ENOTSOCK);
  }),
);

Deno.test(
  "send() and recv() keep the boundaries of datagrams",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const words = ["one", "", "three"];
    assertEquals(words.map((word) => send(here, bytes(word), MSG_NOSIGNAL)), [3, 0, 5]);
    const buffer = new Uint8Array(16);
    for (const word of words) {
      assertEquals(buffer.subarray(0, recv(there, buffer, MSG_DONTWAIT)), bytes(word));
    }
  }),
);

Deno.test(
  "recv() returns the whole length with MSG_TRUNC, and the received length without",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const lengths = [MSG_PEEK | MSG_TRUNC, MSG_PEEK, MSG_TRUNC].map((flags) => {
      if (flags & MSG_PEEK) send(here, bytes("12345678"), 0);
      return recv(there, new Uint8Array(3), flags);
    });
    assertEquals(lengths, [8, 3, 8]);
  }),
);

Deno.test(
  "recv() and recvmsg() fail with EAGAIN if nothing is queued and they may not wait",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_SEQPACKET | SOCK_NONBLOCK);
    assertEquals(errnoOf(() => recv(here, new Uint8Array(1), 0)), Errno.EAGAIN);
    assertEquals(errnoOf(() => recvmsg(there, new Uint8Array(1), NONE, 0)), Errno.EAGAIN);
  }),
);

Deno.test(
  "ReceiveBuffer.receive() fills the same bytes again and again",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const buffer = new ReceiveBuffer(8);
    const { bytes: memory } = buffer;
    assertEquals(memory, new Uint8Array(8));
    for (const word of ["one", "", "twelve"]) {
      send(here, bytes(word), 0);
      assertEquals(memory.subarray(0, buffer.receive(there, MSG_DONTWAIT)), bytes(word));
    }
    assert(buffer.bytes === memory);
  }),
);

Deno.test(
  "ReceiveBuffer.receive() truncates a long datagram, and returns its whole length with MSG_TRUNC",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const buffer = new ReceiveBuffer(3);
    const lengths = [MSG_TRUNC, 0].map((flags) => {
      send(here, bytes("12345678"), 0);
      return buffer.receive(there, flags);
    });
    assertEquals(lengths, [8, 3]);
    assertEquals(buffer.bytes, bytes("123"));
  }),
);

Deno.test(
  "ReceiveBuffer.receive() returns -1 if nothing is queued and it may not wait",
  leavingNothingOpen((scope) => {
    const buffer = new ReceiveBuffer(8);
    const [blocking] = scope.pair();
    const [nonBlocking] = scope.pair(SOCK_SEQPACKET | SOCK_NONBLOCK);
    assertEquals([buffer.receive(blocking, MSG_DONTWAIT), buffer.receive(nonBlocking, 0)], [
      -1,
      -1,
    ]);
  }),
);

Deno.test("ReceiveBuffer.receive() throws SystemError for a descriptor that is not a socket", () => {
  const buffer = new ReceiveBuffer(8);
  for (const [fd, code] of [[-1, "EBADF"], [0, "ENOTSOCK"]] as const) {
    const error = assertThrows(() => buffer.receive(fd, MSG_DONTWAIT), SystemError);
    assertEquals([error.syscall, error.code], ["recvfrom", code]);
  }
});

Deno.test("ReceiveBuffer.receive() and Poller.wait() return nothing when a signal ends the wait", async () => {
  assertEquals(await resultOf(command("ffi/socket/programs/interrupted_waits.ts")), {
    received: -1,
    ready: 0,
    revents: [0, 0],
    early: true,
  });
});

Deno.test(
  "sendmsg() and recvmsg() use the part of the memory that they are given, and no more",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const memory = bytes("..abc..");
    assertEquals(sendmsg(here, memory.subarray(2, 5), NONE, 0), 3);
    const received = bytes("-------");
    const { length, flags, controlMessages } = recvmsg(there, received.subarray(1, 6), NONE, 0);
    assertEquals({ length, flags, controlMessages }, { length: 3, flags: 0, controlMessages: [] });
    assertEquals(received, bytes("-abc---"));
  }),
);

Deno.test(
  "recvmsg() reports what it truncated",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const control = encodeControlMessages([rightsMessage([here])]);
    const flags = [[8, NONE], [8, control], [3, NONE], [3, control]] as const;
    const cut = flags.map(([room, control]) => {
      sendmsg(here, bytes("12345678"), control, 0);
      return recvmsg(there, new Uint8Array(room), NONE, 0).flags & (MSG_TRUNC | MSG_CTRUNC);
    });
    assertEquals(cut, [0, MSG_CTRUNC, MSG_TRUNC, MSG_TRUNC | MSG_CTRUNC]);
  }),
);

Deno.test(
  "recvmsg() ignores leftovers of an earlier call in the control buffer",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const used = encodeControlMessages([rightsMessage([here])]);
    sendmsg(here, bytes("x"), NONE, 0);
    assertEquals(recvmsg(there, new Uint8Array(1), used, 0).controlMessages, []);
  }),
);

Deno.test(
  "recvmsg() returns control messages that the next call does not change",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const receive = () => recvmsg(there, new Uint8Array(1), new Uint8Array(24), 0);
    sendDescriptors(here, [here]);
    sendDescriptors(here, [here]);
    const first = receive();
    const copy = first.controlMessages[0].data.slice();
    const second = receive();
    assertEquals(first.controlMessages[0].data, copy);
    for (const { controlMessages: [{ data }] } of [first, second]) {
      const fd = scope.own(new Int32Array(data.slice().buffer)[0]);
      assertConnected(fd, there);
    }
  }),
);

Deno.test(
  "poll() returns the ready events of each descriptor",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const [silent] = scope.pair();
    const [closed, other] = socketpair(AF_UNIX, SOCK_DGRAM, 0);
    [closed, other].forEach(close);
    send(here, bytes("x"), 0);
    assertEquals(poll([silent, there, closed], POLLIN, 1000), [0, POLLIN, POLLNVAL]);
    assertEquals(poll([silent, there], POLLIN | POLLOUT, 0), [POLLOUT, POLLIN | POLLOUT]);
    assertEquals(poll([], POLLIN, 0), []);
  }),
);

Deno.test(
  "Poller.wait() polls the same descriptors repeatedly",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair();
    const [other, otherEnd] = scope.pair();
    const poller = new Poller([there, otherEnd], POLLIN);
    const seen = () => [poller.wait(0), poller.revents(0), poller.revents(1)];
    assertEquals(seen(), [0, 0, 0]);
    send(here, bytes("x"), 0);
    assertEquals(seen(), [1, POLLIN, 0]);
    send(other, bytes("y"), 0);
    assertEquals(seen(), [2, POLLIN, POLLIN]);
    recv(there, new Uint8Array(1), 0);
    assertEquals(seen(), [1, 0, POLLIN]);
    recv(otherEnd, new Uint8Array(1), 0);
    assertEquals(seen(), [0, 0, 0]);
    scope.close(here);
    assertEquals(seen(), [1, POLLIN | POLLHUP, 0]);
    scope.close(there);
    assertEquals(seen(), [1, POLLNVAL, 0]);
  }),
);

Deno.test(
  "Poller.wait() ends in time, without and with descriptors",
  leavingNothingOpen((scope) => {
    const [silent] = scope.pair();
    assertEquals(new Poller([], POLLIN).wait(1), 0);
    const poller = new Poller([silent], POLLIN);
    assertEquals([-1, NaN, 0, 0.1].map((timeout) => poller.wait(timeout)), [0, 0, 0, 0]);
    const start = performance.now();
    assertEquals(poller.wait(20), 0);
    assert(performance.now() - start >= 20);
  }),
);

for (const [timeout, atLeast] of [[-1, 0], [0, 0], [0.1, 1], [30, 30]]) {
  Deno.test(
    `poll() with a timeout of ${timeout} ms waits at least ${atLeast} ms`,
    leavingNothingOpen((scope) => {
      const [silent] = scope.pair();
      const start = performance.now();
      assertEquals(poll([silent], POLLIN, timeout), [0]);
      const waited = performance.now() - start;
      assert(waited >= atLeast && waited < atLeast + 1000, `${waited} ms`);
    }),
  );
}

Deno.test("pollAsync() lets timers run while it waits, and wakes up when one sends", async () => {
  const [here, there] = socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    assertEquals(await pollAsync([there], POLLIN, 1), [0]);
    const timer = setTimeout(() => send(here, bytes("x"), 0), 20);
    const start = performance.now();
    assertEquals(await pollAsync([there, here], POLLIN, 10_000), [POLLIN, 0]);
    assert(performance.now() - start < 5000);
    clearTimeout(timer);
  } finally {
    [here, there].forEach(close);
  }
});
