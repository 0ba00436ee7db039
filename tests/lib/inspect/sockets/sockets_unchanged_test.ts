import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  copyDescriptor,
  Errno,
  errnoOf,
  ioctl,
  PACKET_AUXDATA,
  setsockopt,
  SIOCGSTAMP_OLD,
  SOL_PACKET,
} from "../../../../ffi/mod.ts";
import { seeDaemon } from "../../../../lib/inspect/daemon.ts";
import { seePacketSockets } from "../../../../lib/inspect/sockets/socket_state.ts";
import { takeStatistics } from "../../../../lib/packets/socket.ts";
import { startDaemon } from "../../../support/daemon.ts";
import { testNeeding } from "../../../support/needs.ts";
import { lookedAt } from "./sockets_unchanged.ts";
import { underLoad } from "../under_load.ts";

const NEEDS = { root: true, programs: { cc: "gcc" } };

testNeeding(NEEDS, "A look changes nothing about a socket, and loses no frame", async () => {
  assertEquals(await lookedAt(40), { sent: 40, counted: 40, dropped: 0, read: 40 });
});

testNeeding(NEEDS, "The comparison notices a look that resets the counters", async () => {
  const result = await lookedAt(10, (pid) => {
    using copy = copyDescriptor(pid, 3);
    takeStatistics(copy.fd);
  });
  assertEquals([result.counted, result.read], [0, 10]);
});

testNeeding(NEEDS, "The comparison notices a look that changes an option", async () => {
  await assertRejects(
    () =>
      lookedAt(1, (pid) => {
        using copy = copyDescriptor(pid, 3);
        setsockopt(copy.fd, SOL_PACKET, PACKET_AUXDATA, 1);
      }),
    Error,
    "options",
  );
});

testNeeding(NEEDS, "A look leaves SIOCGSTAMP without an answer, as it was", async () => {
  await using daemon = await startDaemon(["packet=1"]);
  seePacketSockets(seeDaemon(daemon.pid));
  using copy = copyDescriptor(daemon.pid, 3);
  const errno = errnoOf(() => ioctl(copy.fd, SIOCGSTAMP_OLD, new Uint8Array(16)));
  assertEquals(errno, Errno.ENOENT);
});

testNeeding({ root: true }, "A reader under load loses no frame during a few looks", async () => {
  const { sent, read, dropped, held } = await underLoad(30);
  assert(sent > 50, `${sent} frames`);
  assertEquals([read, dropped, held], [sent, 0, 30]);
});
