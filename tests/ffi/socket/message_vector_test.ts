import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_UNIX,
  close,
  CMSG_SPACE,
  MessageVector,
  MSG_DONTWAIT,
  MSG_TRUNC,
  nanoseconds,
  parseControlMessages,
  realtime,
  recv,
  SCM_TIMESTAMPNS,
  send,
  setsockopt,
  SO_TIMESTAMPNS,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  socketpair,
  SOL_SOCKET,
  SystemError,
  timespec,
} from "../../../ffi/mod.ts";
import { leavingNothingOpen } from "../descriptors.ts";
import { command, resultOf } from "../programs.ts";

/** A datagram of this length, filled with its number. */
const datagram = (length: number, number: number) => new Uint8Array(length).fill(number);

/** The control messages of a received message. */
function controlMessages(messages: MessageVector, i: number) {
  const start = messages.controlOffsetOf(i);
  return parseControlMessages(
    messages.control.subarray(start, start + messages.controlLengthOf(i)),
  );
}

/** The received messages in order. */
function contents(messages: MessageVector, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const start = messages.offsetOf(i);
    return messages.bytes.slice(start, start + messages.lengthOf(i));
  });
}

Deno.test(
  "MessageVector.receive() receives the queued messages in order, up to its size",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    const messages = new MessageVector({ count: 4, size: 16 });
    const sent = [3, 16, 0, 1, 5, 16].map(datagram);
    sent.forEach((each) => send(here, each, 0));
    assertEquals(messages.receive(there, MSG_DONTWAIT), 4);
    assertEquals(contents(messages, 4), sent.slice(0, 4));
    assertEquals(messages.receive(there, MSG_DONTWAIT), 2);
    assertEquals(contents(messages, 2), sent.slice(4));
    assertEquals(messages.receive(there, MSG_DONTWAIT), 0);
  }),
);

Deno.test(
  "MessageVector.receive() writes only within the buffer of each message",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    const messages = new MessageVector({ count: 3, size: 8 });
    assertEquals([0, 1, 2].map((i) => messages.offsetOf(i)), [0, 8, 16]);
    messages.bytes.fill(0xee);
    [datagram(20, 1), datagram(2, 2)].forEach((each) => send(here, each, 0));
    assertEquals(messages.receive(there, MSG_DONTWAIT), 2);
    assertEquals(
      messages.bytes,
      Uint8Array.of(...datagram(8, 1), 2, 2, ...datagram(6, 0xee), ...datagram(8, 0xee)),
    );
  }),
);

Deno.test(
  "MessageVector.lengthOf() returns the whole length with MSG_TRUNC, and the received length without",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    const messages = new MessageVector({ count: 2, size: 8 });
    const lengths = [MSG_TRUNC, 0].map((flag) => {
      [20, 5].forEach((length) => send(here, datagram(length, 1), 0));
      assertEquals(messages.receive(there, MSG_DONTWAIT | flag), 2);
      return [0, 1].map((i) => messages.lengthOf(i));
    });
    assertEquals(lengths, [[20, 5], [8, 5]]);
  }),
);

Deno.test(
  "MessageVector.control holds the time stamp of each message, also in later calls",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    setsockopt(there, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    const messages = new MessageVector({
      count: 4,
      size: 8,
      controlSpace: CMSG_SPACE(timespec.size),
    });
    let last = realtime();
    for (const count of [4, 2, 4]) {
      for (let i = 0; i < count; i++) send(here, datagram(1, i), 0);
      assertEquals(messages.receive(there, MSG_DONTWAIT), count);
      for (let i = 0; i < count; i++) {
        const [stamp, ...rest] = controlMessages(messages, i);
        assertEquals([stamp.level, stamp.type, rest], [SOL_SOCKET, SCM_TIMESTAMPNS, []]);
        const time = nanoseconds(timespec.over(stamp.data.slice()));
        assert(time >= last && time <= realtime(), `message ${i} of ${count}`);
        last = time;
      }
    }
  }),
);

Deno.test(
  "MessageVector.controlLengthOf() returns 0 for a message without control messages, also in a reused buffer",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    const messages = new MessageVector({
      count: 1,
      size: 8,
      controlSpace: CMSG_SPACE(timespec.size),
    });
    const lengths = [1, 0].map((stamps) => {
      setsockopt(there, SOL_SOCKET, SO_TIMESTAMPNS, stamps);
      send(here, datagram(1, 1), 0);
      assertEquals(messages.receive(there, MSG_DONTWAIT), 1);
      return messages.controlLengthOf(0);
    });
    assertEquals(lengths, [32, 0]);
  }),
);

Deno.test(
  "MessageVector without room for control messages receives none",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    setsockopt(there, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    const messages = new MessageVector({ count: 2, size: 8 });
    send(here, datagram(3, 1), 0);
    assertEquals(messages.receive(there, MSG_DONTWAIT), 1);
    assertEquals([messages.lengthOf(0), messages.controlLengthOf(0), messages.control.length], [
      ...[3, 0, 0],
    ]);
  }),
);

Deno.test(
  "MessageVector.receive() returns 0 if nothing is queued and it may not wait",
  leavingNothingOpen((scope) => {
    const messages = new MessageVector({ count: 2, size: 8 });
    const [blocking] = scope.pair(SOCK_DGRAM);
    assertEquals(messages.receive(blocking, MSG_DONTWAIT), 0);
    const [nonBlocking] = scope.pair(SOCK_DGRAM | SOCK_NONBLOCK);
    assertEquals(messages.receive(nonBlocking, 0), 0);
  }),
);

Deno.test("MessageVector.receive() returns 0 when a signal ends the wait", async () => {
  assertEquals(await resultOf(command("ffi/socket/programs/interrupted_messages.ts")), {
    received: 0,
    early: true,
  });
});

Deno.test(
  "MessageVector.receive() throws SystemError for a descriptor that is not a socket, and stays usable",
  leavingNothingOpen((scope) => {
    const messages = new MessageVector({ count: 2, size: 8 });
    const [closed, other] = socketpair(AF_UNIX, SOCK_DGRAM, 0);
    [closed, other].forEach(close);
    for (const [fd, code] of [[closed, "EBADF"], [-1, "EBADF"], [0, "ENOTSOCK"]] as const) {
      const error = assertThrows(() => messages.receive(fd, MSG_DONTWAIT), SystemError);
      assertEquals([error.syscall, error.code], ["recvmmsg", code]);
    }
    const [here, there] = scope.pair(SOCK_DGRAM);
    send(here, datagram(2, 2), 0);
    assertEquals(messages.receive(there, MSG_DONTWAIT), 1);
    assertEquals(contents(messages, 1), [datagram(2, 2)]);
    assertThrows(() => recv(there, new Uint8Array(1), MSG_DONTWAIT), SystemError);
  }),
);
