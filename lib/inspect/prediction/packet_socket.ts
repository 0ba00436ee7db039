/**
 * The rules for operations on the packet socket: binding it elsewhere, sending, changing its
 * filter, its rings and its options.
 *
 * Source: net/packet/af_packet.c, net/core/sock.c.
 *
 * @module
 */

import {
  AF_PACKET,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
  MAP_FIXED,
  MAP_SHARED,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  PACKET_ADD_MEMBERSHIP,
  PACKET_AUXDATA,
  PACKET_FANOUT,
  PACKET_QDISC_BYPASS,
  PACKET_RX_RING,
  PACKET_TIMESTAMP,
  PACKET_TX_RING,
  PACKET_VNET_HDR,
  PROT_READ,
  PROT_WRITE,
  SHUT_RDWR,
  SIOCGSTAMP_OLD,
  SIOCSIFFLAGS,
  SO_ATTACH_FILTER,
  SO_DETACH_FILTER,
  SO_MARK,
  SO_PRIORITY,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_PACKET,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import type { OperationName } from "../../evidence/operations.ts";
import { type Call, call, NULL, POINTER } from "./calls.ts";
import { needs } from "./powers.ts";
import {
  cannotTell,
  type KernelAnswer,
  refused,
  type Rule,
  type Step,
  step,
  type View,
} from "./rule.ts";

const NET_ADMIN = { bit: CAP_NET_ADMIN, name: "CAP_NET_ADMIN" };
const NET_RAW = { bit: CAP_NET_RAW, name: "CAP_NET_RAW" };

/** The size of a page, of a frame, of `struct sockaddr_ll` and of `struct tpacket_req`, in bytes. */
const PAGE = 4096n, FRAME = 64n, ADDRESS = 20, REQUEST = 16;

/** `htons(ETH_P_ALL)`. */
const EVERY_PROTOCOL = 0x0300;

/** The flags with which a filter may let a sending call pass. */
const SENDING_FLAGS = [0, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_DONTWAIT | MSG_NOSIGNAL];

type SocketRules = { readonly [name in OperationName]?: Rule };

/** Returns a call on the socket by each of its numbers. */
export function onSocket(
  { socket }: View,
  name: Call["name"],
  ...rest: readonly (number | bigint)[]
): Call[] {
  return socket.fds.map((fd) => call(name, fd, ...rest));
}

/** Returns the calls that set an option of the socket. */
export function setOption(view: View, level: number, option: number, length = 4): Call[] {
  return onSocket(view, "setsockopt", level, option, POINTER, length);
}

/** Returns a rule on the socket. */
export function rule(ways: Rule["ways"]): Rule {
  return { needsSocket: true, ways };
}

/** Returns a rule with one way of one step. */
function one(
  calls: (view: View) => Call[],
  answer: (view: View) => KernelAnswer = () => undefined,
) {
  return rule((view) => [[step(calls(view), answer(view))]]);
}

/** A member of a fanout group cannot be bound again. Source: packet_do_bind. */
function pin({ socket }: View): KernelAnswer {
  return pinned(socket, "EINVAL");
}

/** What a membership in a fanout group answers. */
function pinned({ isPinned }: View["socket"], errno: "EINVAL" | "EALREADY"): KernelAnswer {
  if (isPinned === undefined) return cannotTell("whether it is in a fanout group is not known");
  return isPinned ? refused(errno, "pin", "it is a member of a fanout group") : undefined;
}

/** The last filter stays. Source: sk_attach_prog, sk_detach_filter. */
export function lock({ socket }: View): KernelAnswer {
  return socket.isLocked ? refused("EPERM", "lock", "its filter is locked") : undefined;
}

/** The old kind of packet socket has none of these options. Source: packet_ops_spkt. */
function options({ socket }: View): KernelAnswer {
  return socket.type === "SOCK_PACKET"
    ? refused("EOPNOTSUPP", "kernel", "SOCK_PACKET has no such option")
    : undefined;
}

/** An option of the packet socket that every holder may set. */
const packetOption = (option: number, length?: number) =>
  one((view) => setOption(view, SOL_PACKET, option, length), options);

const bindStep = (view: View): Step => step(onSocket(view, "bind", POINTER, ADDRESS), pin(view));

const rebinding = rule((view) => [[bindStep(view)]]);

/** Without an address, a frame goes to the interface that the socket is bound to. */
export function destination({ socket: { type, ifindex } }: View): KernelAnswer {
  if (type === "SOCK_PACKET") return refused("ENOTCONN", "kernel", "SOCK_PACKET wants an address");
  return ifindex === 0 ? refused("ENXIO", "kernel", "it is bound to no interface") : undefined;
}

/**
 * Returns the ways to send by calls without an address: as the socket is bound, or bound before.
 */
function sending(view: View, calls: readonly Call[], ...before: readonly Step[]): Step[][] {
  const isUnbound = view.socket.ifindex === 0;
  return [
    [...before, step(calls, destination(view))],
    ...isUnbound ? [[bindStep(view), ...before, step(calls)]] : [],
  ];
}

const sendingTo = (view: View, address: bigint, length: number): Call[] =>
  SENDING_FLAGS.flatMap((flags) =>
    onSocket(view, "sendto", POINTER, FRAME, flags, address, length)
  );

/** Returns the ways to send from a pipe, or from a file. */
function splicing(view: View): Step[][] {
  const { daemon } = view;
  const free = nextDescriptor(view);
  const pipes = daemon.shown.descriptors.filter(({ refers_to }) => refers_to.startsWith("pipe:"));
  const isFedByItself = (link: string) =>
    pipes.some(({ refers_to, access }) => refers_to === link && access?.includes("write"));
  const from = (fd: number) =>
    view.socket.fds.map((socket) => call("splice", fd, NULL, socket, NULL, FRAME, 0));
  const fromFile = onSocket(view, "sendfile", free, NULL, FRAME);
  const writing = [call("write", free + 1, POINTER, FRAME), call("writev", free + 1, POINTER, 1n)];
  return [
    ...sending(view, from(free), step([call("pipe2", POINTER, 0)]), step(writing)),
    ...pipes.filter(({ access }) => access?.includes("read")).flatMap(({ fd, refers_to }) => {
      const doubt = isFedByItself(refers_to)
        ? undefined
        : cannotTell(`descriptor ${fd} is a pipe, into which another process may write`);
      return sending(view, from(fd), step([], doubt));
    }),
    ...sending(view, fromFile, step([call("memfd_create", POINTER, 0)]), step(writing)),
    ...sending(view, fromFile, step(openingCalls(0))),
  ];
}

/** Returns the calls that open a file. */
export function openingCalls(flags: number): Call[] {
  return [
    call("openat", -100, POINTER, flags, 0),
    call("open", POINTER, flags, 0),
    call("openat2", -100, POINTER, POINTER, 24n),
  ];
}

/** Returns a number that no descriptor has. */
export function nextDescriptor({ daemon }: View): number {
  return daemon.shown.descriptors.reduce((most, { fd }) => Math.max(most, fd), 2) + 1 +
    daemon.shown.descriptors_left_out;
}

const mapping = (view: View): Step =>
  step(
    view.socket.fds.flatMap((fd) =>
      [POINTER, NULL].map((address) =>
        call(
          "mmap",
          address,
          PAGE,
          BigInt(PROT_READ | PROT_WRITE),
          BigInt(MAP_SHARED | (address === NULL ? 0 : MAP_FIXED)),
          fd,
          0n,
        )
      )
    ),
  );

const trigger = (view: View): Call[] =>
  [POINTER, NULL].flatMap((data) => onSocket(view, "sendto", data, 0n, 0, NULL, 0));

/** The rules, by the name of the operation. */
export const PACKET_SOCKET_RULES = {
  "packet-socket": {
    needsSocket: false,
    ways: (view) => [[
      step(
        [SOCK_RAW | SOCK_CLOEXEC, SOCK_RAW, SOCK_DGRAM, SOCK_PACKET].flatMap((type) =>
          [0, EVERY_PROTOCOL].map((protocol) => call("socket", AF_PACKET, type, protocol))
        ),
        needs(view, "own network", NET_RAW),
      ),
    ]],
  },
  "rebind-interface": rebinding,
  "rebind-all": rebinding,
  "rebind-protocol": rebinding,
  "promiscuous": packetOption(PACKET_ADD_MEMBERSHIP, REQUEST),
  "send": rule((view) => [
    ...sending(view, sendingTo(view, NULL, 0)),
    ...view.socket.ifindex === 0 ? [] : [[step(sendingTo(view, POINTER, ADDRESS))]],
  ]),
  "sendto-elsewhere": one((view) => sendingTo(view, POINTER, ADDRESS)),
  "write": rule((view) => sending(view, onSocket(view, "write", POINTER, FRAME))),
  "send-message": one((view) =>
    SENDING_FLAGS.flatMap((flags) => onSocket(view, "sendmsg", POINTER, flags))
  ),
  "send-messages": one((view) =>
    SENDING_FLAGS.flatMap((flags) => onSocket(view, "sendmmsg", POINTER, 1, flags))
  ),
  "write-vector": rule((view) => [
    ...sending(view, onSocket(view, "writev", POINTER, 1n)),
    ...sending(view, onSocket(view, "pwritev2", POINTER, 1n, -1n, -1n, 0)),
  ]),
  "splice": rule(splicing),
  "attach-filter": one((view) => setOption(view, SOL_SOCKET, SO_ATTACH_FILTER, 16), lock),
  "detach-filter": rule((view) => {
    const detaching = setOption(view, SOL_SOCKET, SO_DETACH_FILTER);
    if (view.socket.filter?.length !== 0) return [[step(detaching, lock(view))]];
    const nothing = refused("ENOENT", "kernel", "it has no filter");
    const attaching = setOption(view, SOL_SOCKET, SO_ATTACH_FILTER, 16);
    return [[step(detaching, lock(view) ?? nothing)], [
      step(attaching, lock(view)),
      step(detaching),
    ]];
  }),
  "rx-ring": rule((view) => [[
    step(setOption(view, SOL_PACKET, PACKET_RX_RING, REQUEST), options(view)),
    mapping(view),
  ]]),
  "tx-ring": rule((view) => [
    [
      step(setOption(view, SOL_PACKET, PACKET_TX_RING, REQUEST), options(view)),
      mapping(view),
      step(trigger(view), destination(view)),
    ],
    ...view.socket.rings?.includes("tx") ? [[mapping(view), step(trigger(view))]] : [],
  ]),
  "qdisc-bypass": packetOption(PACKET_QDISC_BYPASS),
  "vnet-hdr": one((view) => setOption(view, SOL_PACKET, PACKET_VNET_HDR), (view) => {
    if (view.socket.type === "SOCK_DGRAM") {
      return refused("EINVAL", "kernel", "only SOCK_RAW has this option");
    }
    const hasRing = view.socket.rings !== undefined && view.socket.rings.length > 0;
    return options(view) ?? (hasRing ? cannotTell("its ring may be in the way") : undefined);
  }),
  "auxdata": packetOption(PACKET_AUXDATA),
  "timestamp": packetOption(PACKET_TIMESTAMP),
  "last-timestamp": one(
    (view) => STAMP_REQUESTS.flatMap((request) => onSocket(view, "ioctl", request, POINTER)),
    ({ socket: { isStamped } }) =>
      isStamped ? refused("ENOENT", "kernel", "each frame has its own stamp") : undefined,
  ),
  "priority": one(
    (view) => setOption(view, SOL_SOCKET, SO_PRIORITY),
    (view) => needs(view, "socket's network", NET_RAW, NET_ADMIN),
  ),
  "mark": one(
    (view) => setOption(view, SOL_SOCKET, SO_MARK),
    (view) => needs(view, "socket's network", NET_RAW, NET_ADMIN),
  ),
  "receive-buffer": one(
    (view) => setOption(view, SOL_SOCKET, SO_RCVBUFFORCE),
    (view) => needs(view, "machine", NET_ADMIN),
  ),
  "interface-down": one(
    (view) => onSocket(view, "ioctl", SIOCSIFFLAGS, POINTER),
    (view) => needs(view, "socket's network", NET_ADMIN),
  ),
  "shutdown": one(
    (view) => onSocket(view, "shutdown", SHUT_RDWR),
    () => refused("EOPNOTSUPP", "kernel", "a packet socket has no shutdown"),
  ),
  "fanout-join": rule((view) => {
    const joining = setOption(view, SOL_PACKET, PACKET_FANOUT);
    const member = pinned(view.socket, "EALREADY");
    const isRunning = view.socket.protocol !== 0;
    const unbound = isRunning ? undefined : refused("EINVAL", "kernel", "it has no protocol");
    return [
      [step(joining, options(view) ?? member ?? unbound)],
      ...isRunning ? [] : [[bindStep(view), step(joining, options(view) ?? member)]],
    ];
  }),
} satisfies SocketRules;

/** SIOCGSTAMP and SIOCGSTAMPNS, the old and the new ones. Source: linux/sockios.h. */
const STAMP_REQUESTS = [SIOCGSTAMP_OLD, 0x8907, 0x80108906, 0x80108907];
