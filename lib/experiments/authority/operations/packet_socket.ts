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

/** The operations that a worker may try with the packet socket that it holds. */
export const PACKET_SOCKET_OPERATIONS: readonly Operation[] = [
  {
    name: "packet-socket",
    gives: "every frame of every interface",
    source: "packet_create: ns_capable(CAP_NET_RAW)",
    plain: "EPERM",
    attempt: () => close(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)),
  },
  {
    name: "rebind-interface",
    gives: "the frames of another interface",
    source: "packet_do_bind: no capability required; EINVAL for a member of a fanout group",
    plain: "allowed",
    under: { "fanout-pin": "EINVAL" },
    attempt: ({ ifindex, otherIfindex, provoke, ...socket }) =>
      rebind(socket, [ifindex, otherIfindex], provoke, "rebind-interface"),
  },
  {
    name: "rebind-all",
    gives: "the frames of all interfaces",
    source: "packet_do_bind",
    plain: "allowed",
    under: { "fanout-pin": "EINVAL" },
    attempt: ({ ifindex, provoke, ...socket }) =>
      rebind(socket, [ifindex, 0], provoke, "rebind-all"),
  },
  {
    name: "rebind-protocol",
    gives: "the frames of another protocol",
    source: "packet_do_bind",
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
    gives: "frames for other hosts; the interface stays promiscuous while anyone holds the socket",
    source: "packet_mc_add: no capability required",
    plain: "allowed",
    attempt: ({ packetFd, otherIfindex }) => becomePromiscuous(packetFd, otherIfindex),
  },
  {
    name: "send",
    gives: "forged frames on the interface that the socket is bound to",
    source: "packet_snd: no capability required",
    plain: "allowed",
    witness: "far",
    attempt: ({ packetFd, layer }) => sendFrame(packetFd, markedFrame("send", layer)),
  },
  {
    name: "sendto-elsewhere",
    gives: "forged frames on any interface",
    source: "packet_snd: the address names the interface",
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
    gives: "forged frames, by a call that a filter of socket calls does not see",
    source: "sock_write_iter → packet_sendmsg",
    plain: "allowed",
    witness: "far",
    attempt: ({ packetFd, layer }) =>
      retryWhileFull(() => write(packetFd, markedFrame("write", layer))),
  },
  {
    name: "attach-filter",
    gives: "frames that the parent's filter drops",
    source: "sk_attach_filter; SOCK_FILTER_LOCKED: EPERM",
    plain: "allowed",
    under: { "locked-filter": "EPERM" },
    attempt: ({ packetFd }) => attachFilter(packetFd, assemble([bpfReturn(0xffffffff)])),
  },
  {
    name: "detach-filter",
    gives: "frames that the parent's filter drops",
    source: "sk_detach_filter; SOCK_FILTER_LOCKED: EPERM",
    plain: "allowed",
    under: { "locked-filter": "EPERM" },
    attempt: ({ packetFd }) => {
      detachFilter(packetFd);
      return attachedFilter(packetFd).length === 0;
    },
  },
  {
    name: "rx-ring",
    gives: "kernel memory for a ring; frames taken from the other holders of the socket",
    source: "packet_set_ring: no capability required",
    plain: "allowed",
    attempt: ({ packetFd }) => mapRing(packetFd, PACKET_RX_RING),
  },
  {
    name: "tx-ring",
    gives: "kernel memory, and forged frames that are no argument of a system call",
    source: "packet_set_ring, tpacket_snd: no capability required",
    plain: "allowed",
    witness: "far",
    attempt: ({ packetFd, layer }) => sendByRing(packetFd, markedFrame("tx-ring", layer)),
  },
  {
    name: "qdisc-bypass",
    gives: "sending past the queueing discipline",
    source: "packet_setsockopt",
    plain: "allowed",
    attempt: settingAndClearing(PACKET_QDISC_BYPASS),
  },
  {
    name: "vnet-hdr",
    gives: "another layout of every frame, for every holder of the socket",
    source: "packet_setsockopt",
    plain: "allowed",
    attempt: settingAndClearing(PACKET_VNET_HDR),
  },
  {
    name: "auxdata",
    gives: "lengths, VLAN tags and status of every frame",
    source: "packet_setsockopt",
    plain: "allowed",
    attempt: settingAndClearing(PACKET_AUXDATA),
  },
  {
    name: "timestamp",
    gives: "another clock for the time stamps, for every holder of the socket",
    source: "packet_setsockopt",
    plain: "allowed",
    attempt: settingAndClearing(PACKET_TIMESTAMP, SOF_TIMESTAMPING_RAW_HARDWARE),
  },
  {
    name: "last-timestamp",
    gives: "the time at which the last frame came (ENOENT while SO_TIMESTAMPNS stamps each frame)",
    source: "sock_gettstamp",
    plain: "ENOENT",
    attempt: ({ packetFd }) => ioctl(packetFd, SIOCGSTAMP_OLD, new Uint8Array(16)),
  },
  {
    name: "priority",
    gives: "a transmit queue that is reserved for others (SO_PRIORITY 7)",
    source: "sk_setsockopt: CAP_NET_RAW or CAP_NET_ADMIN above 6",
    plain: "EPERM",
    attempt: setting(SOL_SOCKET, SO_PRIORITY, 7),
  },
  {
    name: "mark",
    gives: "another routing table (SO_MARK)",
    source: "sk_setsockopt: CAP_NET_RAW or CAP_NET_ADMIN",
    plain: "EPERM",
    attempt: setting(SOL_SOCKET, SO_MARK, 1),
  },
  {
    name: "receive-buffer",
    gives: "kernel memory beyond net.core.rmem_max (SO_RCVBUFFORCE)",
    source: "sk_setsockopt: CAP_NET_ADMIN",
    plain: "EPERM",
    attempt: setting(SOL_SOCKET, SO_RCVBUFFORCE, 1 << 28),
  },
  {
    name: "interface-down",
    gives: "control of the interface (SIOCSIFFLAGS)",
    source: "dev_ioctl: CAP_NET_ADMIN",
    plain: "EPERM",
    attempt: ({ packetFd }) => {
      const request = ifreq.alloc();
      request.ifr_name.set(cString("lo"));
      ioctl(packetFd, SIOCSIFFLAGS, request.bytes);
    },
  },
  {
    name: "shutdown",
    gives: "an end to the parent's reception",
    source: "AF_PACKET has no shutdown: sock_no_shutdown",
    plain: "EOPNOTSUPP",
    attempt: ({ packetFd }) => shutdown(packetFd, SHUT_RDWR),
  },
];

/** Joining a fanout group. It comes last of all, because a socket cannot leave its group. */
export const FANOUT_JOIN: Operation = {
  name: "fanout-join",
  gives: "a share of a group's frames, which the group loses when this member stops reading",
  source: "fanout_add; EALREADY for a member",
  plain: "allowed",
  under: { "fanout-pin": "EALREADY" },
  attempt: ({ packetFd }) => {
    const group = Number(readLink("/proc/self")) & 0xffff;
    setsockopt(packetFd, SOL_PACKET, PACKET_FANOUT, group);
    return (getsockoptInt(packetFd, SOL_PACKET, PACKET_FANOUT) & 0xffff) === group;
  },
};
