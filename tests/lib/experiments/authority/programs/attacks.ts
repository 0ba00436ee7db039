/**
 * Makes the attacks of lib/experiments/authority/attacks.ts as root, on a packet socket bound to
 * the near end, and prints whether each had its effect. It makes them again in ways that can have
 * no effect, and finally under a filter that refuses every call that sends.
 *
 * @module
 */

import {
  compileFilter,
  ETH_P_ALL,
  if_nametoindex,
  installFilter,
  intIs,
  PACKET_RX_RING,
  setsockopt,
  SO_MARK,
  SOL_SOCKET,
  SystemError,
} from "../../../../../ffi/mod.ts";
import {
  becomePromiscuous,
  mapRing,
  markInUserNamespace,
  rebind,
  refusalOfUserNamespace,
  sendByIoUring,
  sendByRing,
} from "../../../../../lib/experiments/authority/attacks.ts";
import {
  sendByMessage,
  sendByMessages,
  sendBySplice,
  sendByVector,
} from "../../../../../lib/experiments/authority/ways_to_send.ts";
import { arrives, markedFrame } from "../../../../../lib/packets/marks.ts";
import { sendFrame } from "../../../../../lib/packets/send.ts";
import { boundPacketSocket } from "../../../../../lib/packets/socket.ts";
import { withLibc } from "../../../../ffi/failing.ts";
import { printJson } from "../../../../ffi/programs/print_json.ts";

const near = if_nametoindex("veth-fdpass");
const lo = if_nametoindex("lo");
using attacked = boundPacketSocket(near, ETH_P_ALL);
using far = boundPacketSocket(if_nametoindex("veth-fdpass-far"), ETH_P_ALL);
using elsewhere = boundPacketSocket(lo, ETH_P_ALL);
const { fd } = attacked;
const socket = { packetFd: fd, layer: "ethernet" } as const;

/** Returns whether an attack had an effect, or the refusal. */
function outcomeOf<T>(attack: () => T): T | string {
  try {
    return attack();
  } catch (error) {
    if (error instanceof SystemError) return error.message;
    throw error;
  }
}

/** Like {@linkcode outcomeOf}, while setsockopt(2) does nothing and returns 0. */
const outcomeWithoutOptions = <T>(attack: () => T): T | string =>
  withLibc("setsockopt", () => () => 0, () => outcomeOf(attack));

/** Returns an attack that sends a frame, and whether the frame arrives at the far end. */
const sends = (mark: string, attack: (frame: Uint8Array<ArrayBuffer>) => unknown) => () => {
  attack(markedFrame(mark, "ethernet"));
  return arrives({ fd: far.fd, layer: "ethernet" }, mark, 1000);
};

const provoke = (mark: string) => () => sendFrame(elsewhere.fd, markedFrame(mark, "ethernet"));

/** Installs a filter that refuses every call that sends. */
function forbidSending(): void {
  const sending = ["sendto", "sendmsg", "sendmmsg", "write", "writev"] as const;
  installFilter(compileFilter({
    rules: sending.map((syscall) => ({
      syscall,
      action: "EACCES",
      when: [intIs(0, fd)],
      reason: "a test",
    })),
    otherwise: { action: "allow", reason: "a test" },
  }));
}

const seen = {
  rebound: outcomeOf(() => rebind(socket, [near, lo], provoke("other"), "other")),
  "rebound to all": outcomeOf(() => rebind(socket, [near, 0], provoke("other"), "other")),
  "not rebound": outcomeOf(() => rebind(socket, [near, near], provoke("other"), "other")),
  "rebound, and another frame": outcomeOf(() =>
    rebind(socket, [near, lo], provoke("another"), "other")
  ),
  promiscuous: outcomeOf(() => becomePromiscuous(fd, lo)),
  "promiscuous without effect": outcomeWithoutOptions(() => becomePromiscuous(fd, lo)),
  "ring mapped": outcomeOf(() => mapRing(fd, PACKET_RX_RING)),
  "no ring": outcomeWithoutOptions(() => mapRing(fd, PACKET_RX_RING)),
  "sent by ring": outcomeOf(sends("ring", (frame) => sendByRing(fd, frame))),
  "sent by sendmsg": outcomeOf(sends("message", (frame) => sendByMessage(fd, frame))),
  "sent by sendmmsg": outcomeOf(sends("messages", (frame) => sendByMessages(fd, frame))),
  "sent by writev": outcomeOf(sends("vector", (frame) => sendByVector(fd, frame))),
  "sent by splice": outcomeOf(sends("splice", (frame) => sendBySplice(fd, frame))),
  "sent by io_uring": outcomeOf(sends("io_uring", (frame) => sendByIoUring(fd, frame))),
  "marked by the program": outcomeOf(() => markInUserNamespace(fd, 0)),
  "marked in a user namespace": outcomeOf(() => {
    setsockopt(fd, SOL_SOCKET, SO_MARK, 0);
    return markInUserNamespace(fd);
  }),
  "user namespace refused": [refusalOfUserNamespace(), refusalOfUserNamespace(1)],
};
forbidSending();
printJson({
  ...seen,
  "sent past a filter": outcomeOf(sends("call", (frame) => sendFrame(fd, frame))),
  "sent past a filter by splice": outcomeOf(sends("pipe", (frame) => sendBySplice(fd, frame))),
  "sent past a filter by io_uring": outcomeOf(sends("past", (frame) => sendByIoUring(fd, frame))),
});
