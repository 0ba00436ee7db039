/**
 * Operations on the passed packet socket: binding it elsewhere, sending, changing its filter, its
 * rings and its options.
 *
 * @module
 */

import {
  AF_PACKET,
  ETH_P_ALL,
  ETH_P_IP,
  PACKET_AUXDATA,
  PACKET_FANOUT,
  PACKET_QDISC_BYPASS,
  PACKET_RX_RING,
  PACKET_TIMESTAMP,
  PACKET_VNET_HDR,
  SHUT_RDWR,
  SIOCGSTAMP_OLD,
  SIOCSIFFLAGS,
  SO_MARK,
  SO_PRIORITY,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOF_TIMESTAMPING_RAW_HARDWARE,
  SOL_PACKET,
  SOL_SOCKET,
} from "../../../../ffi/abi/constants.ts";
import { ifreq } from "../../../../ffi/abi/layouts.ts";
import { cString } from "../../../../ffi/abi/libc.ts";
import {
  assemble,
  attachedFilter,
  attachFilter,
  bpfReturn,
  detachFilter,
} from "../../../../ffi/packet/bpf.ts";
import { close, ioctl, write } from "../../../../ffi/process/descriptor.ts";
import { readLink } from "../../../../ffi/process/file.ts";
import {
  bind,
  getsockoptInt,
  sendTo,
  setsockopt,
  shutdown,
  socket,
} from "../../../../ffi/socket/calls.ts";
import { becomePromiscuous, mapRing, rebind, sendByRing } from "../attacks.ts";
import type { Attacker, Operation } from "../operation.ts";
import { sendByMessage, sendByMessages, sendBySplice, sendByVector } from "../ways_to_send.ts";
import { markedFrame } from "../../../packets/marks.ts";
import { retryWhileFull, sendFrame } from "../../../packets/send.ts";
import { describePacketSocket, packetAddress } from "../../../packets/socket.ts";

/** Returns an attempt that sets an option. */
const setting = (level: number, name: number, value: number) => ({ packetFd }: Attacker) =>
  setsockopt(packetFd, level, name, value);

/** Returns an attempt that sets a packet socket's option, reads it back, and clears it. */
const settingAndClearing = (name: number, value = 1) => ({ packetFd }: Attacker): boolean => {
  setsockopt(packetFd, SOL_PACKET, name, value);
  const isSet = getsockoptInt(packetFd, SOL_PACKET, name) === value;
  setsockopt(packetFd, SOL_PACKET, name, 0);
  return isSet;
};

/** Returns an attempt that sends the frame with the operation's name. */
const sending =
  (name: string, send: (packetFd: number, frame: Uint8Array<ArrayBuffer>) => void) =>
  ({ packetFd, layer }: Attacker) => send(packetFd, markedFrame(name, layer));

/** The operations that a worker may try with the packet socket that it holds. */
export const PACKET_SOCKET_OPERATIONS: readonly Operation[] = [
  {
    name: "packet-socket",
    plain: "EPERM",
    attempt: () => close(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)),
  },
  {
    name: "rebind-interface",
    plain: "allowed",
    under: { "fanout-pin": "EINVAL" },
    attempt: ({ ifindex, otherIfindex, provoke, ...socket }) =>
      rebind(socket, [ifindex, otherIfindex], provoke, "rebind-interface"),
  },
  {
    name: "rebind-all",
    plain: "allowed",
    under: { "fanout-pin": "EINVAL" },
    attempt: ({ ifindex, provoke, ...socket }) =>
      rebind(socket, [ifindex, 0], provoke, "rebind-all"),
  },
  {
    name: "rebind-protocol",
    plain: "allowed",
    under: { "fanout-pin": "EINVAL" },
    attempt: ({ packetFd, ifindex }) => {
      bind(packetFd, packetAddress(ifindex, ETH_P_IP));
      const { boundProtocol } = describePacketSocket(packetFd);
      bind(packetFd, packetAddress(ifindex, ETH_P_ALL));
      return boundProtocol === ETH_P_IP;
    },
  },
  {
    name: "promiscuous",
    plain: "allowed",
    attempt: ({ packetFd, otherIfindex }) => becomePromiscuous(packetFd, otherIfindex),
  },
  {
    name: "send",
    plain: "allowed",
    witness: "far",
    attempt: ({ packetFd, layer }) => sendFrame(packetFd, markedFrame("send", layer)),
  },
  {
    name: "sendto-elsewhere",
    plain: "allowed",
    witness: "other",
    attempt: ({ packetFd, otherIfindex, layer }) =>
      retryWhileFull(() =>
        sendTo(
          packetFd,
          markedFrame("sendto-elsewhere", layer),
          0,
          packetAddress(otherIfindex, ETH_P_ALL),
        )
      ),
  },
  {
    name: "write",
    plain: "allowed",
    witness: "far",
    attempt: ({ packetFd, layer }) =>
      retryWhileFull(() => write(packetFd, markedFrame("write", layer))),
  },
  {
    name: "send-message",
    plain: "allowed",
    witness: "far",
    attempt: sending("send-message", sendByMessage),
  },
  {
    name: "send-messages",
    plain: "allowed",
    witness: "far",
    attempt: sending("send-messages", sendByMessages),
  },
  {
    name: "write-vector",
    plain: "allowed",
    witness: "far",
    attempt: sending("write-vector", sendByVector),
  },
  {
    name: "splice",
    plain: "allowed",
    witness: "far",
    attempt: sending("splice", sendBySplice),
  },
  {
    name: "attach-filter",
    plain: "allowed",
    under: { "locked-filter": "EPERM" },
    attempt: ({ packetFd }) => attachFilter(packetFd, assemble([bpfReturn(0xffffffff)])),
  },
  {
    name: "detach-filter",
    plain: "allowed",
    under: { "locked-filter": "EPERM" },
    attempt: ({ packetFd }) => {
      detachFilter(packetFd);
      return attachedFilter(packetFd).length === 0;
    },
  },
  {
    name: "rx-ring",
    plain: "allowed",
    attempt: ({ packetFd }) => mapRing(packetFd, PACKET_RX_RING),
  },
  {
    name: "tx-ring",
    plain: "allowed",
    witness: "far",
    attempt: ({ packetFd, layer }) => sendByRing(packetFd, markedFrame("tx-ring", layer)),
  },
  {
    name: "qdisc-bypass",
    plain: "allowed",
    attempt: settingAndClearing(PACKET_QDISC_BYPASS),
  },
  {
    name: "vnet-hdr",
    plain: "allowed",
    attempt: settingAndClearing(PACKET_VNET_HDR),
  },
  {
    name: "auxdata",
    plain: "allowed",
    attempt: settingAndClearing(PACKET_AUXDATA),
  },
  {
    name: "timestamp",
    plain: "allowed",
    attempt: settingAndClearing(PACKET_TIMESTAMP, SOF_TIMESTAMPING_RAW_HARDWARE),
  },
  {
    name: "last-timestamp",
    plain: "ENOENT",
    attempt: ({ packetFd }) => ioctl(packetFd, SIOCGSTAMP_OLD, new Uint8Array(16)),
  },
  {
    name: "priority",
    plain: "EPERM",
    attempt: setting(SOL_SOCKET, SO_PRIORITY, 7),
  },
  {
    name: "mark",
    plain: "EPERM",
    attempt: setting(SOL_SOCKET, SO_MARK, 1),
  },
  {
    name: "receive-buffer",
    plain: "EPERM",
    attempt: setting(SOL_SOCKET, SO_RCVBUFFORCE, 1 << 28),
  },
  {
    name: "interface-down",
    plain: "EPERM",
    attempt: ({ packetFd }) => {
      const request = ifreq.alloc();
      request.ifr_name.set(cString("lo"));
      ioctl(packetFd, SIOCSIFFLAGS, request.bytes);
    },
  },
  {
    name: "shutdown",
    plain: "EOPNOTSUPP",
    attempt: ({ packetFd }) => shutdown(packetFd, SHUT_RDWR),
  },
];

/** Joining a fanout group. It comes last of all, because a socket cannot leave its group. */
export const FANOUT_JOIN: Operation = {
  name: "fanout-join",
  plain: "allowed",
  under: { "fanout-pin": "EALREADY" },
  attempt: ({ packetFd }) => {
    const group = Number(readLink("/proc/self")) & 0xffff;
    setsockopt(packetFd, SOL_PACKET, PACKET_FANOUT, group);
    return (getsockoptInt(packetFd, SOL_PACKET, PACKET_FANOUT) & 0xffff) === group;
  },
};
