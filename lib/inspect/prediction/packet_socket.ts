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
  O_RDONLY,
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
  SOCK_DGRAM,
  SOCK_PACKET,
  SOCK_RAW,
  SOL_PACKET,
  SOL_SOCKET,
} from "../../../ffi/abi/constants.ts";
import type { OperationName } from "../../evidence/operations.ts";
import { any, type Argument, type Call, call, NOT_NULL, NULL, POINTER } from "./calls.ts";
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
import {
  ADDRESS,
  bindStep,
  isUnbound,
  lock,
  onPacketSocket,
  onSocket,
  openingCalls,
  options,
  pinned,
  sending,
  setOption,
  typed,
} from "./socket_steps.ts";
import { isReadable, isWritable, tableOf } from "./table.ts";

const NET_ADMIN = { bit: CAP_NET_ADMIN, name: "CAP_NET_ADMIN" };
const NET_RAW = { bit: CAP_NET_RAW, name: "CAP_NET_RAW" };

/** The sizes of a page, of a frame and of `struct tpacket_req`, in bytes. */
const PAGE = any(4096), FRAME = any(64), REQUEST = 16;

/** `htons(ETH_P_ALL)`. */
const EVERY_PROTOCOL = 0x0300;

/** The flags with which a filter may let a sending call pass. */
const SENDING_FLAGS = [0, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_DONTWAIT | MSG_NOSIGNAL];

type SocketRules = { readonly [name in OperationName]?: Rule };

/** Returns a rule with one way of one step. */
function one(
  calls: (view: View) => Call[],
  answer: (view: View) => KernelAnswer = () => undefined,
) {
  return onPacketSocket((view) => [[step(calls(view), answer(view))]]);
}

/** An option of the packet socket that every holder may set. */
const packetOption = (option: number, length?: number) =>
  one((view) => setOption(view, SOL_PACKET, option, length), options);

const rebinding = onPacketSocket((view) => [[bindStep(view)]]);

const sendingTo = (view: View, address: Argument, length: number): Call[] =>
  SENDING_FLAGS.flatMap((flags) =>
    onSocket(view, "sendto", POINTER, FRAME, any(flags), address, any(length))
  );

/** Returns the ways to send from a pipe, or from a file. */
function splicing(view: View): Step[][] {
  const { next, pipes } = tableOf(view.daemon);
  const fed = new Set(pipes.filter(isWritable).map(({ refers_to }) => refers_to));
  const own = pipes.find((pipe) => isReadable(pipe) && fed.has(pipe.refers_to));
  const from = (fd: Argument) =>
    view.socket.fds.map((socket) => call("splice", fd, NULL, socket, NULL, FRAME, any(0)));
  const fromFile = onSocket(view, "sendfile", any(next), POINTER, FRAME);
  const making = step([call("pipe2", POINTER, any(0)), call("pipe", POINTER)]);
  const writing = step([
    call("write", any(next + 1), POINTER, FRAME),
    call("writev", any(next + 1), POINTER, any(1)),
  ]);
  const elsewhere = step([], cannotTell("a pipe or a file may come from elsewhere"));
  return [
    ...sending(view, from(any(next)), making, writing),
    ...own === undefined ? [] : sending(view, from(own.fd)),
    ...sending(view, fromFile, step([call("memfd_create", POINTER, any(0))]), writing),
    ...sending(view, fromFile, step(openingCalls(O_RDONLY))),
    ...sending(view, [...from(any(next)), ...fromFile], elsewhere),
  ];
}

const mapping = (view: View): Step =>
  step(
    view.socket.fds.map((fd) =>
      call(
        "mmap",
        POINTER,
        PAGE,
        any(PROT_READ | PROT_WRITE),
        any(MAP_SHARED | MAP_FIXED),
        fd,
        any(0),
      )
    ),
  );

/**
 * Returns the ways to write by io_submit(2), whose request lies in memory, where no filter looks. A
 * context for it may have been made before a filter. Source: aio_write in fs/aio.c.
 */
function submitting(view: View): Step[][] {
  const { hasAio } = view.surroundings;
  const answer = hasAio ? undefined : refused("ENOSYS", "kernel", "the kernel has no io_submit(2)");
  const making = step([call("io_setup", any(1), POINTER)], answer);
  const before = step([], answer ?? cannotTell("a context for io_submit(2) may be there already"));
  const submit = [call("io_submit", POINTER, any(1), POINTER)];
  return [making, before].flatMap((first) => sending(view, submit, first));
}

const trigger = (view: View): Call[] =>
  onSocket(view, "sendto", POINTER, any(0), any(0), NULL, any(0));

/** The rules, by the name of the operation. */
export const PACKET_SOCKET_RULES = {
  "packet-socket": {
    needsSocket: false,
    ways: (view) => [[
      step(
        [SOCK_RAW, SOCK_DGRAM, SOCK_PACKET].flatMap((type) =>
          typed(type).flatMap((each) =>
            [0, EVERY_PROTOCOL].map((protocol) => call("socket", AF_PACKET, each, any(protocol)))
          )
        ),
        needs(view, "own network", NET_RAW),
      ),
    ]],
  },
  "rebind-interface": rebinding,
  "rebind-all": rebinding,
  "rebind-protocol": rebinding,
  "promiscuous": packetOption(PACKET_ADD_MEMBERSHIP, REQUEST),
  "send": onPacketSocket((view) => [
    ...sending(view, sendingTo(view, NULL, 0)),
    ...isUnbound(view) ? [] : [[step(sendingTo(view, NOT_NULL, ADDRESS))]],
  ]),
  "sendto-elsewhere": one((view) => sendingTo(view, NOT_NULL, ADDRESS)),
  "write": onPacketSocket((view) => [
    ...sending(view, onSocket(view, "write", POINTER, FRAME)),
    ...submitting(view),
  ]),
  "send-message": one((view) =>
    SENDING_FLAGS.flatMap((flags) => onSocket(view, "sendmsg", POINTER, any(flags)))
  ),
  "send-messages": one((view) =>
    SENDING_FLAGS.flatMap((flags) => onSocket(view, "sendmmsg", POINTER, any(1), any(flags)))
  ),
  "write-vector": onPacketSocket((view) => [
    ...sending(view, onSocket(view, "writev", POINTER, any(1))),
    ...sending(view, onSocket(view, "pwritev2", POINTER, any(1), -1n, any(-1), any(0))),
    ...submitting(view),
  ]),
  "splice": onPacketSocket(splicing),
  "attach-filter": one((view) => setOption(view, SOL_SOCKET, SO_ATTACH_FILTER, 16), lock),
  "detach-filter": onPacketSocket((view) => {
    const detaching = setOption(view, SOL_SOCKET, SO_DETACH_FILTER);
    if (view.socket.filter?.length !== 0) return [[step(detaching, lock(view))]];
    const nothing = refused("ENOENT", "kernel", "it has no filter");
    const attaching = setOption(view, SOL_SOCKET, SO_ATTACH_FILTER, 16);
    return [[step(detaching, lock(view) ?? nothing)], [
      step(attaching, lock(view)),
      step(detaching),
    ]];
  }),
  "rx-ring": onPacketSocket((view) => [[
    step(setOption(view, SOL_PACKET, PACKET_RX_RING, REQUEST), options(view)),
    mapping(view),
  ]]),
  "tx-ring": onPacketSocket((view) => [
    ...sending(
      view,
      trigger(view),
      step(setOption(view, SOL_PACKET, PACKET_TX_RING, REQUEST), options(view)),
      mapping(view),
    ),
    ...view.socket.rings?.includes("tx") ? [[mapping(view), step(trigger(view))]] : [],
  ]),
  "qdisc-bypass": packetOption(PACKET_QDISC_BYPASS),
  "vnet-hdr": one((view) => setOption(view, SOL_PACKET, PACKET_VNET_HDR), (view) => {
    if (view.socket.type === "SOCK_DGRAM") {
      return refused("EINVAL", "kernel", "only SOCK_RAW has this option");
    }
    const mayHaveRing = view.socket.rings?.length !== 0;
    return options(view) ?? (mayHaveRing ? cannotTell("a ring may be in the way") : undefined);
  }),
  "auxdata": packetOption(PACKET_AUXDATA),
  "timestamp": packetOption(PACKET_TIMESTAMP),
  "last-timestamp": one(
    (view) => STAMP_REQUESTS.flatMap((request) => onSocket(view, "ioctl", request, POINTER)),
    ({ socket: { stampsFrames } }) =>
      stampsFrames === undefined
        ? cannotTell("whether frames are stamped cannot be seen")
        : stampsFrames
        ? refused("ENOENT", "kernel", "each frame has its own stamp")
        : undefined,
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
  "fanout-join": onPacketSocket((view) => {
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
