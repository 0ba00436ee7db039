/** A look at packet sockets with less than all permissions: what is missing is named. */

import { assert, assertEquals } from "@std/assert";
import {
  AF_NETLINK,
  AF_PACKET,
  ETH_P_ALL,
  NETLINK_SOCK_DIAG,
  O_CLOEXEC,
  O_RDONLY,
  open,
  OwnedFd,
  PACKET_FANOUT,
  PACKET_FANOUT_CPU,
  setsockopt,
  SOCK_CLOEXEC,
  SOCK_RAW,
  socket,
  SOL_PACKET,
} from "../../../ffi/mod.ts";
import { inNetworkNamespace } from "../../../lib/inspect/sockets/network_namespace.ts";
import type { SeenSockets } from "../../../lib/inspect/subject.ts";
import { boundPacketSocket } from "../../../lib/packets/socket.ts";
import { command, resultOf } from "../../ffi/programs.ts";
import { OtherNamespace } from "../../ffi/programs/other_namespace.ts";
import { heldByChild } from "../../support/held_by_child.ts";
import { testNeeding } from "../../support/needs.ts";

const LO = 1;
const NEEDS = { root: true, programs: { setpriv: "util-linux" } };

/** Looks at a process by another program, which is started by other words. */
function look(pid: number, ...before: readonly string[]): Promise<SeenSockets> {
  return resultOf([...before, ...command("lib/inspect/programs/look.ts", [`${pid}`])]);
}

const without = (capabilities: string) => ["setpriv", `--bounding-set=${capabilities}`];

testNeeding(
  NEEDS,
  "Without CAP_NET_ADMIN and CAP_SYS_ADMIN a socket shows all the same",
  async () => {
    using bound = boundPacketSocket(LO, 0);
    await using holder = heldByChild(bound.fd);
    const whole = await look(holder.pid);
    assertEquals(await look(holder.pid, ...without("-net_admin,-sys_admin")), whole);
    assertEquals([whole.states[0].isInOwnNamespace, whole.unseen], [true, []]);
  },
);

testNeeding(NEEDS, "Without them a socket of another namespace has unseen sides", async () => {
  using other = new OtherNamespace();
  using theirs = new OwnedFd(open(`/proc/${other.pid}/ns/net`, O_RDONLY | O_CLOEXEC));
  using far = new OwnedFd(
    inNetworkNamespace(theirs, () => socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)),
  );
  await using holder = heldByChild(far.fd);
  const whole = await look(holder.pid);
  assertEquals([whole.states[0].isInOwnNamespace, whole.unseen], [false, []]);

  // The table of the other namespace shows that the socket is there.
  const { states: [state], shown, unseen } = await look(
    holder.pid,
    ...without("-net_admin,-sys_admin"),
  );
  assertEquals([state.isInOwnNamespace, shown[0].namespace], [false, whole.shown[0].namespace]);
  assertEquals([shown[0].rings, shown[0].memberships], [null, null]);
  assertEquals(Object.hasOwn(state, "isPinned"), false); // undefined is left out of JSON
  assert(unseen.some((each) => each.startsWith(`the rings, the memberships`)), `${unseen}`);
});

testNeeding(
  NEEDS,
  "Without the kernel's report rings are unseen, and a fanout group is found",
  async () => {
    using bound = boundPacketSocket(LO, ETH_P_ALL);
    await using holder = heldByChild(bound.fd);
    const refused = [
      ...command("support/refuse_syscall.ts", ["socket", "EPROTONOSUPPORT"]),
      ...[`0=${AF_NETLINK}`, `2=${NETLINK_SOCK_DIAG}`, "--"],
    ];
    const alone = await look(holder.pid, ...refused);
    assertEquals(alone.shown[0].rings, null);
    assertEquals(Object.hasOwn(alone.states[0], "isPinned"), false);
    assert(alone.unseen.some((each) => each.includes("EPROTONOSUPPORT")), `${alone.unseen}`);

    setsockopt(bound.fd, SOL_PACKET, PACKET_FANOUT, PACKET_FANOUT_CPU << 16 | 4711);
    const { states: [{ isPinned }], shown } = await look(holder.pid, ...refused);
    assertEquals([isPinned, shown[0].fanout], [true, { group: 4711, mode: "PACKET_FANOUT_CPU" }]);
  },
);
