import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  Errno,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_OP_RECV,
  IORING_RECV_MULTISHOT,
  IOSQE_BUFFER_SELECT,
  IoUring,
  MSG_DONTWAIT,
  ProvidedBuffers,
  recv,
  send,
  SOCK_DGRAM,
  SystemError,
} from "../../../ffi/mod.ts";
import { leavingNothingOpen } from "../descriptors.ts";
import { ringTest } from "./rings.ts";

const GROUP = 3;
const SIZE = 64;

/** A datagram that contains its number, and whose length depends on it. */
function datagram(number: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(4 + number % 60).fill(number & 0xff).with(0, number >> 8 & 0xff);
}

function arm(ring: IoUring, fd: number, group = GROUP): void {
  ring.submit({
    opcode: IORING_OP_RECV,
    flags: IOSQE_BUFFER_SELECT,
    ioprio: IORING_RECV_MULTISHOT,
    fd,
    buf_group: group,
  });
  ring.enter();
}

/**
 * The received datagrams with the ids of their buffers, and the result that ended the receive, if
 * any.
 */
interface Taken {
  readonly datagrams: Uint8Array[];
  readonly ids: number[];
  end: number | undefined;
}

function take(ring: IoUring, buffers: ProvidedBuffers): Taken {
  const taken: Taken = { datagrams: [], ids: [], end: undefined };
  while (ring.nextCompletion()) {
    const { result, flags } = ring;
    if ((flags & IORING_CQE_F_BUFFER) !== 0) {
      const id = ProvidedBuffers.idOf(flags);
      const start = buffers.offsetOf(id);
      taken.ids.push(id);
      taken.datagrams.push(buffers.bytes.slice(start, start + result));
    }
    if ((flags & IORING_CQE_F_MORE) === 0) taken.end = result;
  }
  return taken;
}

for (const count of [1, 2, 8]) {
  ringTest(
    `ProvidedBuffers: a multishot receive ends with ENOBUFS after ${count}, and continues there`,
    leavingNothingOpen((scope) => {
      const [here, there] = scope.pair(SOCK_DGRAM);
      using ring = new IoUring({ entries: 4, completions: 64 });
      const buffers = new ProvidedBuffers(ring, { group: GROUP, count, size: SIZE });
      let sent = 0;
      let next = 0;
      for (let round = 0; round < 50; round++) {
        arm(ring, there);
        while (sent < next + count + 2) send(here, datagram(sent++), 0);
        ring.enter(1, 1000);
        const { datagrams, ids, end } = take(ring, buffers);
        assertEquals(end, -Errno.ENOBUFS);
        assertEquals(datagrams, ids.map((_, i) => datagram(next + i)));
        assertEquals(new Set(ids).size, count, "each buffer once");
        next += count;
        // Datagrams without a buffer stay queued.
        ids.reverse().forEach((id) => buffers.giveBack(id));
        buffers.publish();
      }
      for (const number of [next, next + 1]) {
        const rest = new Uint8Array(SIZE);
        const length = recv(there, rest, MSG_DONTWAIT);
        assertEquals(rest.subarray(0, length), datagram(number));
      }
    }),
  );
}

ringTest(
  "ProvidedBuffers.giveBack() takes effect with publish()",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    using ring = new IoUring();
    const buffers = new ProvidedBuffers(ring, { group: GROUP, count: 1, size: SIZE });
    send(here, datagram(1), 0);
    send(here, datagram(2), 0);
    arm(ring, there);
    const first = take(ring, buffers);
    assertEquals([first.datagrams, first.end], [[datagram(1)], -Errno.ENOBUFS]);
    buffers.giveBack(first.ids[0]);
    arm(ring, there);
    assertEquals(take(ring, buffers), { datagrams: [], ids: [], end: -Errno.ENOBUFS });
    buffers.publish();
    arm(ring, there);
    assertEquals(take(ring, buffers).datagrams, [datagram(2)]);
  }),
);

ringTest(
  "ProvidedBuffers serve a multishot receive beyond the wrap of the 16-bit tail",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    using ring = new IoUring({ entries: 4, completions: 16 });
    const buffers = new ProvidedBuffers(ring, { group: GROUP, count: 8, size: SIZE });
    arm(ring, there);
    const message = new Uint8Array(4);
    const view = new DataView(message.buffer);
    let wrong = 0;
    for (let number = 0; number < 70_000; number++) {
      view.setUint32(0, number);
      send(here, message, 0);
      ring.enter();
      if (!ring.nextCompletion()) ring.enter(1, 1000);
      const id = ProvidedBuffers.idOf(ring.flags);
      const isThere = ring.result === 4 && (ring.flags & IORING_CQE_F_MORE) !== 0 &&
        new DataView(buffers.bytes.buffer, buffers.bytes.byteOffset + buffers.offsetOf(id))
            .getUint32(0) === number;
      if (!isThere) wrong++;
      buffers.giveBack(id);
      buffers.publish();
    }
    assertEquals([wrong, ring.overflow], [0, 0]);
  }),
);

ringTest(
  "ProvidedBuffers truncate a message longer than a buffer, and do not touch the next buffer",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    using ring = new IoUring();
    const buffers = new ProvidedBuffers(ring, { group: GROUP, count: 2, size: SIZE });
    arm(ring, there);
    send(here, new Uint8Array(SIZE + 10).fill(5), 0);
    ring.enter(1, 1000);
    const { datagrams: [cut], ids: [id] } = take(ring, buffers);
    assertEquals(cut, new Uint8Array(SIZE).fill(5));
    const other = buffers.offsetOf(1 - id);
    assertEquals(buffers.bytes.slice(other, other + SIZE), new Uint8Array(SIZE));
  }),
);

for (const count of [0, 3, 7, 1 << 16]) {
  ringTest(
    `ProvidedBuffers throw EINVAL for a count of ${count}, and the ring still works`,
    leavingNothingOpen((scope) => {
      const [here, there] = scope.pair(SOCK_DGRAM);
      using ring = new IoUring();
      const error = assertThrows(
        () => new ProvidedBuffers(ring, { group: GROUP, count, size: SIZE }),
        SystemError,
      );
      assertEquals([error.syscall, error.code], ["io_uring_register", "EINVAL"]);
      const buffers = new ProvidedBuffers(ring, { group: GROUP, count: 4, size: SIZE });
      arm(ring, there);
      send(here, datagram(1), 0);
      ring.enter(1, 1000);
      assertEquals(take(ring, buffers).datagrams, [datagram(1)]);
    }),
  );
}

ringTest(
  "ProvidedBuffers throw EEXIST for a group in use, which keeps working",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    using ring = new IoUring();
    const buffers = new ProvidedBuffers(ring, { group: GROUP, count: 4, size: SIZE });
    const error = assertThrows(
      () => new ProvidedBuffers(ring, { group: GROUP, count: 4, size: SIZE }),
      SystemError,
    );
    assertEquals([error.syscall, error.code], ["io_uring_register", "EEXIST"]);
    using other = new IoUring();
    // Another ring has groups of its own.
    new ProvidedBuffers(other, { group: GROUP, count: 4, size: SIZE });
    arm(ring, there);
    send(here, datagram(1), 0);
    ring.enter(1, 1000);
    assertEquals(take(ring, buffers).datagrams, [datagram(1)]);
  }),
);

ringTest(
  "ProvidedBuffers belong to their group: a receive from another group ends with ENOBUFS",
  leavingNothingOpen((scope) => {
    const [here, there] = scope.pair(SOCK_DGRAM);
    using ring = new IoUring();
    const buffers = new ProvidedBuffers(ring, { group: GROUP, count: 4, size: SIZE });
    send(here, datagram(1), 0);
    arm(ring, there, GROUP + 1);
    assertEquals(take(ring, buffers), { datagrams: [], ids: [], end: -Errno.ENOBUFS });
    assert(recv(there, new Uint8Array(SIZE), MSG_DONTWAIT) > 0, "it stayed in the socket");
  }),
);
