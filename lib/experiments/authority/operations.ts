/**
 * Every operation that a compromised worker may try, in the order in which they are attempted. The
 * harmless ones come before those that end the worker's use of the socket.
 *
 * @module
 */

import {
  AF_INET,
  AF_PACKET,
  AF_UNIX,
  CLONE_NEWUSER,
  ETH_P_ALL,
  ETH_P_IP,
  O_CLOEXEC,
  O_RDONLY,
  O_WRONLY,
  PACKET_AUXDATA,
  PACKET_FANOUT,
  PACKET_QDISC_BYPASS,
  PACKET_RX_RING,
  PACKET_TIMESTAMP,
  PACKET_VNET_HDR,
  PR_GET_DUMPABLE,
  PR_SET_DUMPABLE,
  PTRACE_SEIZE,
  SHUT_RDWR,
  SIOCGSTAMP_OLD,
  SIOCSIFFLAGS,
  SO_ATTACH_BPF,
  SO_MARK,
  SO_PRIORITY,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOL_PACKET,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import { Errno, SystemError } from "../../../ffi/abi/errno.ts";
import { ifreq, io_uring_params, iovec } from "../../../ffi/abi/layouts.ts";
import { cString } from "../../../ffi/abi/libc.ts";
import { rawSyscall } from "../../../ffi/abi/raw_syscall.ts";
import {
  assemble,
  attachedFilter,
  attachFilter,
  bpfReturn,
  detachFilter,
} from "../../../ffi/packet/bpf.ts";
import { bpfSocketFilter } from "../../../ffi/packet/ebpf.ts";
import { close, dup, ioctl, write } from "../../../ffi/process/descriptor.ts";
import { open, readLink, readTextFile } from "../../../ffi/process/file.ts";
import { parentDeathSignal, prctl } from "../../../ffi/process/process.ts";
import {
  bind,
  getsockoptInt,
  sendTo,
  setsockopt,
  shutdown,
  socket,
  socketpair,
} from "../../../ffi/socket/calls.ts";
import {
  becomePromiscuous,
  mapRing,
  markInUserNamespace,
  PERL,
  rebind,
  runs,
  sendByIoUring,
  sendByRing,
} from "./attacks.ts";
import type { EarlyRings } from "../../confine/early_rings.ts";
import { NOT_TRIED } from "../../evidence/evidence.ts";
import { isUnprivilegedIoUring, systemSetting, whyNoOwnRing } from "../../host/kernel.ts";
import { markedFrame } from "../../packets/marks.ts";
import { sendFrame, whenThereIsRoom } from "../../packets/send.ts";
import { describePacketSocket, packetAddress } from "../../packets/socket.ts";
import { ALL_PROTECTIONS, type Protection } from "../../confine/protections.ts";
import type { Operation } from "./operation.ts";
import { DESCRIPTOR_OPERATIONS } from "./operations/descriptors.ts";
import { KERNEL_INTERFACE_OPERATIONS } from "./operations/kernel_interfaces.ts";
import { FANOUT_JOIN, PACKET_SOCKET_OPERATIONS } from "./operations/packet_socket.ts";
import { PROCESS_OPERATIONS } from "./operations/processes.ts";
import { PROGRAM_OPERATIONS } from "./operations/programs.ts";

/** The rows of the table. */
export const OPERATIONS: readonly Operation[] = [
  ...PACKET_SOCKET_OPERATIONS,
  ...DESCRIPTOR_OPERATIONS,
  ...PROGRAM_OPERATIONS,
  ...KERNEL_INTERFACE_OPERATIONS,
  ...PROCESS_OPERATIONS,
  FANOUT_JOIN,
];
