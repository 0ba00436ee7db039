/**
 * The names of numbers, for a trace: which constants an argument of a call, an option or a field of
 * a struct may be.
 *
 * One number has many names (26 is SO_ATTACH_FILTER for setsockopt(2), and SO_GET_FILTER for
 * getsockopt(2)), so each place lists its own constants.
 *
 * @module
 */

import * as c from "../abi/constants.ts";
import { SYSCALLS } from "../abi/syscalls.ts";

/** Names a number; `undefined` if it has no name in that place. */
export type Name = (value: number) => string | undefined;

type Constants = Readonly<Record<string, number>>;

/** The number is one of these constants. */
function one(constants: Constants): Name {
  const names = new Map(Object.entries(constants).map(([name, value]) => [value, name]));
  return (value) => names.get(value);
}

/** The number is a set of these flags; unknown bits follow in hexadecimal. */
function bits(constants: Constants, whenZero?: string): Name {
  const known = Object.entries(constants);
  return (value) => {
    if (value === 0) return whenZero;
    let left = value >>> 0;
    const names: string[] = [];
    for (const [name, bit] of known) {
      if ((left & bit) >>> 0 !== bit >>> 0) continue;
      names.push(name);
      left = (left & ~bit) >>> 0;
    }
    if (names.length === 0) return undefined;
    return [...names, ...left === 0 ? [] : [`0x${left.toString(16)}`]].join("|");
  };
}

const { AF_INET, AF_NETLINK, AF_PACKET, AF_UNIX, AF_XDP } = c;
const addressFamily = one({ AF_INET, AF_NETLINK, AF_PACKET, AF_UNIX, AF_XDP });

const { SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM } = c;
const socketKind = one({ SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM });
const socketFlags = bits({ SOCK_CLOEXEC, SOCK_NONBLOCK });
const socketType: Name = (value) =>
  [socketKind(value & 0xf), socketFlags(value & ~0xf)].filter(Boolean).join("|") || undefined;

const { IPPROTO_IP, SOL_PACKET, SOL_SOCKET } = c;
const level = one({ IPPROTO_IP, SOL_PACKET, SOL_SOCKET });

const { MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_PEEK, MSG_TRUNC } = c;
const messageFlags = bits({
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
});

const { O_CLOEXEC, O_CREAT, O_PATH, O_TMPFILE, O_TRUNC, O_WRONLY } = c;
const openFlags = { O_CLOEXEC, O_CREAT, O_PATH, O_TMPFILE, O_TRUNC, O_WRONLY };
const { F_ADD_SEALS, F_GETFD, F_GETFL, F_SETFD } = c;
const { CLOSE_RANGE_CLOEXEC, MFD_ALLOW_SEALING, MFD_CLOEXEC } = c;
const { PROT_READ, PROT_WRITE } = c;
const { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED } = c;
const { RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NOFILE } = c;
const { NS_GET_OWNER_UID, NS_GET_PARENT, NS_GET_USERNS } = c;
const { SIOCGIFINDEX, SIOCGIFNAME, SIOCGSKNS, SIOCGSTAMP_OLD, SIOCSIFFLAGS } = c;
const { CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUSER } = c;
const { CLOCK_REALTIME, SHUT_RDWR } = c;
const newNamespaces = bits({ CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUSER });

/** The names of an argument's values, by call and parameter. */
const ARGUMENTS: Readonly<Record<string, Name>> = {
  "socket.domain": addressFamily,
  "socket.type": socketType,
  "socketpair.domain": addressFamily,
  "socketpair.type": socketType,
  "getsockopt.level": level,
  "setsockopt.level": level,
  "shutdown.how": one({ SHUT_RDWR }),
  "sendto.flags": messageFlags,
  "recvfrom.flags": messageFlags,
  "sendmsg.flags": messageFlags,
  "recvmsg.flags": messageFlags,
  "recvmmsg.flags": messageFlags,
  "fcntl.cmd": one({ F_ADD_SEALS, F_GETFD, F_GETFL, F_SETFD }),
  "open.flags": bits(openFlags, "O_RDONLY"),
  "pipe2.flags": bits(openFlags),
  "close_range.flags": bits({ CLOSE_RANGE_CLOEXEC }),
  "memfd_create.flags": bits({ MFD_ALLOW_SEALING, MFD_CLOEXEC }),
  "mmap.prot": bits({ PROT_READ, PROT_WRITE }),
  "mmap.flags": bits({ MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED }),
  "prctl.op": one({
    PR_CAPBSET_READ: c.PR_CAPBSET_READ,
    PR_GET_DUMPABLE: c.PR_GET_DUMPABLE,
    PR_GET_NO_NEW_PRIVS: c.PR_GET_NO_NEW_PRIVS,
    PR_GET_PDEATHSIG: c.PR_GET_PDEATHSIG,
    PR_SET_CHILD_SUBREAPER: c.PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE: c.PR_SET_DUMPABLE,
    PR_SET_KEEPCAPS: c.PR_SET_KEEPCAPS,
    PR_SET_NAME: c.PR_SET_NAME,
    PR_SET_NO_NEW_PRIVS: c.PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG: c.PR_SET_PDEATHSIG,
    PR_SET_SYSCALL_USER_DISPATCH: c.PR_SET_SYSCALL_USER_DISPATCH,
    PR_SET_VMA: c.PR_SET_VMA,
  }),
  "setrlimit.resource": one({ RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NOFILE }),
  "clock_gettime.clockid": one({ CLOCK_REALTIME }),
  "ioctl.op": one({
    NS_GET_OWNER_UID,
    NS_GET_PARENT,
    NS_GET_USERNS,
    SIOCGIFINDEX,
    SIOCGIFNAME,
    SIOCGSKNS,
    SIOCGSTAMP_OLD,
    SIOCSIFFLAGS,
  }),
  "unshare.flags": newNamespaces,
  "setns.nstype": newNamespaces,
};

/** Options that getsockopt(2) and setsockopt(2) name alike, by level. */
const OPTIONS = {
  [SOL_SOCKET]: {
    SO_BINDTODEVICE: c.SO_BINDTODEVICE,
    SO_COOKIE: c.SO_COOKIE,
    SO_DOMAIN: c.SO_DOMAIN,
    SO_ERROR: c.SO_ERROR,
    SO_LOCK_FILTER: c.SO_LOCK_FILTER,
    SO_MARK: c.SO_MARK,
    SO_PASSCRED: c.SO_PASSCRED,
    SO_PEERCRED: c.SO_PEERCRED,
    SO_PRIORITY: c.SO_PRIORITY,
    SO_PROTOCOL: c.SO_PROTOCOL,
    SO_RCVBUF: c.SO_RCVBUF,
    SO_RCVBUFFORCE: c.SO_RCVBUFFORCE,
    SO_RCVTIMEO: c.SO_RCVTIMEO,
    SO_REUSEADDR: c.SO_REUSEADDR,
    SO_TIMESTAMP: c.SO_TIMESTAMP,
    SO_TIMESTAMPNS: c.SO_TIMESTAMPNS,
    SO_TIMESTAMPNS_NEW: c.SO_TIMESTAMPNS_NEW,
    SO_TIMESTAMP_NEW: c.SO_TIMESTAMP_NEW,
    SO_TYPE: c.SO_TYPE,
  },
  [SOL_PACKET]: {
    PACKET_ADD_MEMBERSHIP: c.PACKET_ADD_MEMBERSHIP,
    PACKET_AUXDATA: c.PACKET_AUXDATA,
    PACKET_DROP_MEMBERSHIP: c.PACKET_DROP_MEMBERSHIP,
    PACKET_FANOUT: c.PACKET_FANOUT,
    PACKET_FANOUT_DATA: c.PACKET_FANOUT_DATA,
    PACKET_IGNORE_OUTGOING: c.PACKET_IGNORE_OUTGOING,
    PACKET_QDISC_BYPASS: c.PACKET_QDISC_BYPASS,
    PACKET_RX_RING: c.PACKET_RX_RING,
    PACKET_STATISTICS: c.PACKET_STATISTICS,
    PACKET_TIMESTAMP: c.PACKET_TIMESTAMP,
    PACKET_TX_RING: c.PACKET_TX_RING,
    PACKET_VERSION: c.PACKET_VERSION,
    PACKET_VNET_HDR: c.PACKET_VNET_HDR,
  },
  [IPPROTO_IP]: {
    IP_ADD_MEMBERSHIP: c.IP_ADD_MEMBERSHIP,
    IP_MTU: c.IP_MTU,
    IP_MTU_DISCOVER: c.IP_MTU_DISCOVER,
    IP_MULTICAST_IF: c.IP_MULTICAST_IF,
    IP_MULTICAST_LOOP: c.IP_MULTICAST_LOOP,
    IP_MULTICAST_TTL: c.IP_MULTICAST_TTL,
    IP_RECVERR: c.IP_RECVERR,
    MCAST_JOIN_SOURCE_GROUP: c.MCAST_JOIN_SOURCE_GROUP,
  },
};

const { SO_ATTACH_BPF, SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_GET_FILTER } = c;

/** The names of an option, by call and level. */
const OPTION_NAMES: Readonly<Record<string, Readonly<Record<number, Name>>>> = {
  getsockopt: {
    [SOL_SOCKET]: one({ ...OPTIONS[SOL_SOCKET], SO_GET_FILTER }),
    [SOL_PACKET]: one(OPTIONS[SOL_PACKET]),
    [IPPROTO_IP]: one(OPTIONS[IPPROTO_IP]),
  },
  setsockopt: {
    [SOL_SOCKET]: one({
      ...OPTIONS[SOL_SOCKET],
      SO_ATTACH_BPF,
      SO_ATTACH_FILTER,
      SO_DETACH_FILTER,
    }),
    [SOL_PACKET]: one(OPTIONS[SOL_PACKET]),
    [IPPROTO_IP]: one(OPTIONS[IPPROTO_IP]),
  },
};

const { ETH_P_8021Q, ETH_P_ALL, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } = c;
const { POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP } = c;
const { IORING_SETUP_CQSIZE, IORING_SETUP_NO_MMAP, IORING_SETUP_R_DISABLED } = c;
const { IORING_SETUP_SQPOLL, SCM_RIGHTS, SCM_TIMESTAMPNS } = c;
const { PACKET_MR_ALLMULTI, PACKET_MR_PROMISC } = c;
const events = bits({ POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP });

/** The names of a field's values, by struct and field. */
const FIELDS: Readonly<Record<string, Name>> = {
  "msghdr.msg_flags": messageFlags,
  "cmsghdr.cmsg_level": level,
  "sockaddr_ll.sll_family": addressFamily,
  "sockaddr_ll.sll_protocol": one({ ETH_P_8021Q, ETH_P_ALL, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 }),
  "sockaddr_in.sin_family": addressFamily,
  "pollfd.events": events,
  "pollfd.revents": events,
  "packet_mreq.mr_type": one({ PACKET_MR_ALLMULTI, PACKET_MR_PROMISC }),
  "io_uring_params.flags": bits({
    IORING_SETUP_CQSIZE,
    IORING_SETUP_NO_MMAP,
    IORING_SETUP_R_DISABLED,
    IORING_SETUP_SQPOLL,
  }),
};

/** The names of `cmsg_type`, by level. */
const MESSAGE_TYPES: Readonly<Record<number, Name>> = {
  [SOL_SOCKET]: one({ SCM_RIGHTS, SCM_TIMESTAMPNS }),
  [SOL_PACKET]: one({ PACKET_AUXDATA: c.PACKET_AUXDATA }),
};

const SYSCALL_NAMES = new Map<number | null, string>(
  Object.entries(SYSCALLS).map(([name, numbers]) => [
    numbers[Deno.build.arch === "x86_64" ? 0 : 1],
    name,
  ]),
);

/** A number by its name, with the number behind it; `text` alone if it has no name. */
function named(name: Name | undefined, value: number, text: string): string {
  const known = name?.(value);
  if (known === undefined) return text;
  return `${known} (${value > 9 && /_\w*\|/.test(known) ? `0x${value.toString(16)}` : text})`;
}

/** An argument of a call by its name, such as `AF_PACKET (17)`. */
export function namedArgument(call: string, parameter: string, value: number | bigint): string {
  return named(ARGUMENTS[`${call}.${parameter}`], Number(value), String(value));
}

/** An option of getsockopt(2) or setsockopt(2) by its name. */
export function namedOption(call: string, level: number, option: number): string {
  return named(OPTION_NAMES[call]?.[level], option, String(option));
}

/** A field of a struct by its name. */
export function namedField(struct: string, field: string, value: number | bigint): string {
  return named(FIELDS[`${struct}.${field}`], Number(value), String(value));
}

/** The type of a control message by its name. */
export function namedMessageType(level: number, type: number): string {
  return named(MESSAGE_TYPES[level], type, String(type));
}

/** A system call of this architecture by its number; `unknown` for one that is not in the table. */
export function syscallName(number: number): string {
  return SYSCALL_NAMES.get(number) ?? "unknown";
}
