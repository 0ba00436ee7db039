/**
 * Descriptors in control messages on real sockets: the ways in which one too many arrives, one is
 * lost, or one stays open. Source: unix(7), net/core/scm.c, net/unix/af_unix.c.
 *
 * @module
 */

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  addressOf,
  AF_UNIX,
  close,
  CMSG_LEN,
  CMSG_SPACE,
  cmsghdr,
  cString,
  DescriptorError,
  encodeControlMessages,
  Errno,
  errnoName,
  errnoOf,
  io_uring_params,
  isCloseOnExec,
  isRights,
  lastErrno,
  libc,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_PEEK,
  O_CLOEXEC,
  O_PATH,
  readDirectory,
  receiveDescriptors,
  recv,
  recvmsg,
  rightsIn,
  rightsMessage,
  SCM_MAX_FD,
  sendDescriptors,
  sendmsg,
  setCloseOnExec,
  setsockopt,
  SO_PASSCRED,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socketpair,
  SOL_SOCKET,
  syscallNumber,
} from "../../../ffi/mod.ts";
import { assertAbandoned, leavingNothingOpen, type Scope, useAndClose } from "../descriptors.ts";
import { command, resultOf, run } from "../programs.ts";

/** Two connections: one carries messages; one end of the other, the cargo, is passed. */
function connections(scope: Scope, type = SOCK_SEQPACKET) {
  const [here, there] = scope.pair(type);
  const [cargo, peer] = scope.pair();
  return { here, there, cargo, peer };
}

const ONE_BYTE = new Uint8Array(1);

/**
 * A receive without checks: returns what the kernel delivers into a control buffer of this size.
 */
function receiveInto(fd: number, controlSize: number, flags = MSG_DONTWAIT) {
  const message = recvmsg(
    fd,
    new Uint8Array(16),
    new Uint8Array(controlSize),
    flags | MSG_CMSG_CLOEXEC,
  );
  return {
    length: message.length,
    cut: (message.flags & MSG_CTRUNC) !== 0,
    messages: message.controlMessages.length,
    descriptors: message.controlMessages.filter(isRights).flatMap(rightsIn),
  };
}

const ROOM_FOR_ONE = CMSG_SPACE(4);

Deno.test(
  "CMSG_SPACE(4) has room for two descriptors, without MSG_CTRUNC",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    sendDescriptors(here, [cargo, cargo]);
    const { cut, descriptors } = receiveInto(there, ROOM_FOR_ONE);
    assertEquals({ cut, count: descriptors.length }, { cut: false, count: 2 });
    useAndClose(descriptors, peer);
  }),
);

Deno.test(
  "receiveDescriptors() refuses the second descriptor and closes both",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    sendDescriptors(here, [cargo, cargo]);
    const error = assertThrows(
      () => receiveDescriptors(there, { expected: 1 }),
      DescriptorError,
      "2 descriptors came, 1 expected",
    );
    assertEquals([error.expected, error.received], [1, 2]);
    scope.close(cargo);
    assertAbandoned(peer);
  }),
);

const TWO_SENT: [controlSize: number, delivered: number][] = [
  [0, 0],
  [1, 0],
  [CMSG_LEN(0) - 1, 0],
  [CMSG_LEN(0), 0],
  [CMSG_LEN(0) + 1, 0],
  [CMSG_LEN(4) - 1, 0],
  [CMSG_LEN(4), 1],
  [CMSG_LEN(4) + 1, 1],
  [CMSG_LEN(8) - 1, 1],
];

for (const [controlSize, delivered] of TWO_SENT) {
  Deno.test(
    `a control buffer of ${controlSize} bytes holds ${delivered} of 2 descriptors, with MSG_CTRUNC`,
    leavingNothingOpen((scope) => {
      const { here, there, cargo, peer } = connections(scope);
      sendDescriptors(here, [cargo, cargo]);
      const { length, cut, descriptors } = receiveInto(there, controlSize);
      assertEquals({ length, cut, delivered: descriptors.length }, {
        length: 1,
        cut: true,
        delivered,
      });
      useAndClose(descriptors, peer);
      scope.close(cargo);
      assertAbandoned(peer);
    }),
  );
}

for (const [expected, sent] of [[0, 1], [1, 3], [1, SCM_MAX_FD], [5, 7]]) {
  Deno.test(
    `receiveDescriptors() refuses ${sent} descriptors where ${expected} were agreed, by MSG_CTRUNC`,
    leavingNothingOpen((scope) => {
      const { here, there, cargo, peer } = connections(scope);
      sendDescriptors(here, new Array(sent).fill(cargo));
      assertThrows(() => receiveDescriptors(there, { expected }), DescriptorError, "MSG_CTRUNC");
      scope.close(cargo);
      assertAbandoned(peer);
    }),
  );
}

Deno.test(
  "two SCM_RIGHTS messages in one sendmsg() both arrive",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    const control = encodeControlMessages([rightsMessage([cargo]), rightsMessage([cargo, cargo])]);
    sendmsg(here, ONE_BYTE, control, 0);
    const { cut, descriptors } = receiveInto(there, control.length);
    assertEquals({ cut, count: descriptors.length }, { cut: false, count: 3 });
    useAndClose(descriptors, peer);
  }),
);

Deno.test(
  "receiveDescriptors() refuses a second SCM_RIGHTS message",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    const control = encodeControlMessages([rightsMessage([cargo]), rightsMessage([cargo])]);
    sendmsg(here, ONE_BYTE, control, 0);
    const error = assertThrows(() => receiveDescriptors(there, { expected: 1 }), DescriptorError);
    assertEquals(error.received, 2);
    scope.close(cargo);
    assertAbandoned(peer);
  }),
);

Deno.test(
  "SCM_MAX_FD descriptors cross in one message",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    sendDescriptors(here, new Array(SCM_MAX_FD).fill(cargo));
    const { descriptors } = receiveDescriptors(there, { expected: SCM_MAX_FD });
    assertEquals(new Set(descriptors).size, SCM_MAX_FD);
    useAndClose(descriptors, peer);
  }),
);

Deno.test(
  "one more than SCM_MAX_FD descriptors are refused with EINVAL",
  leavingNothingOpen((scope) => {
    const { here, there, cargo } = connections(scope);
    const tooMany = new Array(SCM_MAX_FD + 1).fill(cargo);
    assertEquals(errnoOf(() => sendDescriptors(here, tooMany)), Errno.EINVAL);
    assertEquals(errnoOf(() => receiveInto(there, ROOM_FOR_ONE)), Errno.EAGAIN);
  }),
);

Deno.test("at RLIMIT_NOFILE the list is truncated without an errno, and receiveDescriptors() refuses it", async () => {
  const limited = ["sh", "-c", 'ulimit -n 100 && exec "$@"', "sh"];
  assertEquals(
    await resultOf([...limited, ...command("ffi/socket/programs/receive_at_the_limit.ts")]),
    {
      limit: "EMFILE",
      received: 1,
      cut: true,
      strict: "Message refused: control messages were cut off (MSG_CTRUNC); 1 of 2",
      freeAfterwards: 1,
      limitAgain: "EMFILE",
    },
  );
});

for (const [what, bad] of [["-1", () => -1], ["a closed one", closedDescriptor]] as const) {
  Deno.test(
    `a descriptor that is ${what} fails the whole message with EBADF`,
    leavingNothingOpen((scope) => {
      const { here, there, cargo } = connections(scope);
      assertEquals(errnoOf(() => sendDescriptors(here, [cargo, bad()])), Errno.EBADF);
      assertEquals(errnoOf(() => receiveInto(there, ROOM_FOR_ONE)), Errno.EAGAIN);
    }),
  );
}

function closedDescriptor(): number {
  const [first, second] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
  [first, second].forEach(close);
  return second;
}

for (const cmsg_len of [0, CMSG_LEN(0) - 1, CMSG_SPACE(4) + 1]) {
  Deno.test(
    `a cmsg_len of ${cmsg_len} for a message of 24 bytes is refused with EINVAL`,
    leavingNothingOpen((scope) => {
      const { here, there, cargo } = connections(scope);
      const control = encodeControlMessages([rightsMessage([cargo])]);
      cmsghdr.over(control).cmsg_len = cmsg_len;
      assertEquals(errnoOf(() => sendmsg(here, ONE_BYTE, control, 0)), Errno.EINVAL);
      assertEquals(errnoOf(() => receiveInto(there, ROOM_FOR_ONE)), Errno.EAGAIN);
    }),
  );
}

Deno.test(
  "an SCM_RIGHTS message without a descriptor does not arrive",
  leavingNothingOpen((scope) => {
    const { here, there } = connections(scope);
    sendmsg(here, ONE_BYTE, encodeControlMessages([rightsMessage([])]), 0);
    assertEquals(receiveInto(there, ROOM_FOR_ONE), {
      length: 1,
      cut: false,
      messages: 0,
      descriptors: [],
    });
  }),
);

Deno.test(
  "MSG_PEEK installs additional copies",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    sendDescriptors(here, [cargo]);
    const peeked = receiveInto(there, ROOM_FOR_ONE, MSG_PEEK | MSG_DONTWAIT).descriptors;
    const received = receiveInto(there, ROOM_FOR_ONE).descriptors;
    assertNotEquals(peeked, received);
    useAndClose([...peeked, ...received], peer);
    scope.close(cargo);
    assertAbandoned(peer);
  }),
);

Deno.test(
  "read() takes the byte and loses the descriptor silently",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    sendDescriptors(here, [cargo]);
    scope.close(cargo);
    assertEquals(
      errnoOf(() => assertAbandoned(peer)),
      Errno.EAGAIN,
      "the queued message holds it",
    );
    assertEquals(libc.read(there, new Uint8Array(1), 1n), 1);
    assertAbandoned(peer);
  }),
);

Deno.test(
  "SOCK_STREAM without a data byte loses the descriptor",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope, SOCK_STREAM);
    sendDescriptors(here, [cargo], { data: new Uint8Array(0) });
    scope.close(cargo);
    assertAbandoned(peer);
    assertEquals(errnoOf(() => receiveInto(there, ROOM_FOR_ONE)), Errno.EAGAIN);
  }),
);

Deno.test(
  "SOCK_STREAM with a data byte delivers the descriptor",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope, SOCK_STREAM);
    sendDescriptors(here, [cargo]);
    useAndClose(receiveDescriptors(there, { expected: 1 }).descriptors, peer);
  }),
);

Deno.test(
  "SOCK_SEQPACKET delivers the descriptor without a data byte",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    sendDescriptors(here, [cargo], { data: new Uint8Array(0) });
    const { data, descriptors } = receiveDescriptors(there, { expected: 1 });
    assertEquals([data.length, descriptors.length], [0, 1]);
    useAndClose(descriptors, peer);
  }),
);

const ringParameters = new Uint8Array(io_uring_params.size);
const ring = io_uring_setup(1);
const refused = ring === -1 ? errnoName(lastErrno()) : undefined;
if (ring !== -1) close(ring);

Deno.test({
  name: "an io_uring is refused with EINVAL" +
    (refused === undefined ? "" : ` # SKIP needs io_uring: the kernel answers ${refused}`),
  ignore: refused !== undefined,
  fn: leavingNothingOpen((scope) => {
    const { here, there } = connections(scope);
    const ring = scope.own(io_uring_setup(1));
    assertEquals(errnoOf(() => sendDescriptors(here, [ring])), Errno.EINVAL);
    assertEquals(errnoOf(() => receiveInto(there, ROOM_FOR_ONE)), Errno.EAGAIN);
  }),
});

/** `int io_uring_setup(u32 entries, struct io_uring_params *p)`: libc has no function for it. */
function io_uring_setup(entries: number): number {
  // SAFETY: `ringParameters` is a binding of this module, and so outlives the call.
  ringParameters.fill(0);
  return libc.syscall(
    BigInt(syscallNumber("io_uring_setup")!),
    BigInt(entries),
    addressOf(ringParameters),
    0n,
    0n,
    0n,
    0n,
  );
}

Deno.test(
  "an O_PATH descriptor crosses, and stays O_PATH",
  leavingNothingOpen((scope) => {
    const folder = Deno.makeTempDirSync();
    try {
      Deno.writeTextFileSync(`${folder}/proof`, "");
      const { here, there } = connections(scope);
      sendDescriptors(here, [scope.own(libc.open(cString(folder), O_PATH | O_CLOEXEC, 0))]);
      const { descriptors: [fd] } = receiveDescriptors(there, { expected: 1 });
      assertEquals(readDirectory(`/proc/self/fd/${scope.own(fd)}/`), ["proof"]);
      assertEquals([libc.read(fd, new Uint8Array(1), 1n), lastErrno()], [-1, Errno.EBADF]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }),
);

Deno.test(
  "a descriptor remains usable after its sender has closed everything",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    sendDescriptors(here, [cargo]);
    scope.close(cargo);
    scope.close(here);
    useAndClose(receiveDescriptors(there, { expected: 1 }).descriptors, peer);
    assertAbandoned(peer);
  }),
);

Deno.test(
  "a descriptor remains usable after its sender was killed",
  leavingNothingOpen(async (scope) => {
    const [here, there] = scope.pair();
    setCloseOnExec(here, false);
    const { code } = await run(command("ffi/socket/programs/send_and_die.ts", [String(here)]));
    assertEquals(code, 128 + 9);
    const { descriptors } = receiveDescriptors(there, { expected: 1, flags: MSG_DONTWAIT });
    const fd = scope.own(descriptors[0]);
    const words = new Uint8Array(32);
    const length = recv(fd, words, MSG_DONTWAIT);
    assertEquals(new TextDecoder().decode(words.subarray(0, length)), "last words");
    assertAbandoned(fd);
  }),
);

Deno.test(
  "receiveDescriptors() refuses credentials beside the descriptor, and closes it",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    setsockopt(there, SOL_SOCKET, SO_PASSCRED, 1);
    sendDescriptors(here, [cargo]);
    // The credentials come first: with room for ten descriptors, they fit, and one or two
    // descriptors after them.
    const error = assertThrows(
      () => receiveDescriptors(there, { expected: 10 }),
      DescriptorError,
      "a control message that is not SCM_RIGHTS",
    );
    assertEquals(error.received, 1);
    scope.close(cargo);
    assertAbandoned(peer);
  }),
);

Deno.test(
  "receiveDescriptors() refuses credentials that leave no room for the descriptor",
  leavingNothingOpen((scope) => {
    const { here, there, cargo, peer } = connections(scope);
    setsockopt(there, SOL_SOCKET, SO_PASSCRED, 1);
    sendDescriptors(here, [cargo]);
    assertThrows(() => receiveDescriptors(there, { expected: 1 }), DescriptorError, "MSG_CTRUNC");
    scope.close(cargo);
    assertAbandoned(peer);
  }),
);

Deno.test(
  "a received descriptor is close-on-exec only with MSG_CMSG_CLOEXEC",
  leavingNothingOpen((scope) => {
    const { here, there, cargo } = connections(scope);
    assertEquals(isCloseOnExec(cargo), true);
    for (const flags of [0, MSG_CMSG_CLOEXEC]) {
      sendDescriptors(here, [cargo]);
      const { controlMessages } = recvmsg(
        there,
        new Uint8Array(1),
        new Uint8Array(ROOM_FOR_ONE),
        flags,
      );
      const [fd] = controlMessages.flatMap(rightsIn);
      assertEquals(isCloseOnExec(scope.own(fd)), flags !== 0);
    }
  }),
);
