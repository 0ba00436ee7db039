/**
 * What the rules share: calls on the packet socket, and what the kernel answers to them.
 *
 * @module
 */

import {
  AF_UNIX,
  AT_FDCWD,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  O_ACCMODE,
  O_CLOEXEC,
  O_PATH,
  O_RDONLY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
} from "../../../ffi/abi/constants.ts";
import {
  any,
  anyIn,
  type Argument,
  type Call,
  call,
  type FreeArgument,
  NULL,
  POINTER,
} from "./calls.ts";
import { room } from "./room.ts";
import {
  cannotTell,
  type KernelAnswer,
  refused,
  type Rule,
  type Step,
  step,
  type View,
} from "./rule.ts";
import { tableOf } from "./table.ts";

/** The size of `struct sockaddr_ll`, in bytes. */
export const ADDRESS = 20;

/** The size of `struct open_how`, in bytes. */
const OPEN_HOW = 24;

/** Returns a call on the socket by each of its numbers. */
export function onSocket(
  { socket }: View,
  name: Call["name"],
  ...rest: readonly Argument[]
): Call[] {
  return socket.fds.map((fd) => call(name, fd, ...rest));
}

/** Returns the calls that set an option of the socket. */
export function setOption(view: View, level: number, option: number, length = 4): Call[] {
  return onSocket(view, "setsockopt", level, option, POINTER, any(length));
}

/** Returns a rule that takes a packet socket. */
export function onPacketSocket(ways: Rule["ways"]): Rule {
  return { needsSocket: true, ways };
}

/** What a membership in a fanout group answers. */
export function pinned({ isPinned }: View["socket"], errno: "EINVAL" | "EALREADY"): KernelAnswer {
  if (isPinned === undefined) return cannotTell("whether it is in a fanout group is not known");
  return isPinned ? refused(errno, "pin", "it is a member of a fanout group") : undefined;
}

/** The last filter stays. Source: sk_attach_prog, sk_detach_filter. */
export function lock({ socket }: View): KernelAnswer {
  return socket.isLocked ? refused("EPERM", "lock", "its filter is locked") : undefined;
}

/** The old kind of packet socket has none of these options. Source: packet_ops_spkt. */
export function options({ socket }: View): KernelAnswer {
  return socket.type === "SOCK_PACKET"
    ? refused("EOPNOTSUPP", "kernel", "SOCK_PACKET has no such option")
    : undefined;
}

/**
 * Returns the step that binds the socket elsewhere. A member of a fanout group cannot be bound
 * again. Source: packet_do_bind.
 */
export const bindStep = (view: View): Step =>
  step(onSocket(view, "bind", POINTER, any(ADDRESS)), pinned(view.socket, "EINVAL"));

/** Whether the socket is bound to no interface, or to one that is gone. */
export const isUnbound = ({ socket: { ifindex } }: View): boolean => ifindex <= 0;

/** Without an address, a frame goes to the interface that the socket is bound to. */
function destination(view: View): KernelAnswer {
  if (view.socket.type === "SOCK_PACKET") {
    return refused("ENOTCONN", "kernel", "SOCK_PACKET wants an address");
  }
  return isUnbound(view) ? refused("ENXIO", "kernel", "it is bound to no interface") : undefined;
}

/**
 * Returns the ways to send by calls without an address: as the socket is bound, or bound before.
 */
export function sending(view: View, calls: readonly Call[], ...before: readonly Step[]): Step[][] {
  return [
    [...before, step(calls, destination(view))],
    ...isUnbound(view) ? [[bindStep(view), ...before, step(calls)]] : [],
  ];
}

/**
 * Returns the calls that open a file.
 *
 * @param access `O_RDONLY`, `O_WRONLY` or `O_RDWR`.
 * @param flags Other flags, as samples.
 */
export function openingCalls(access: number, flags: readonly number[] = [0, O_CLOEXEC]): Call[] {
  const others = ~(O_ACCMODE | O_PATH);
  return [
    ...flags.map((each) => anyIn(others, access | each)).flatMap((each) => [
      call("openat", any(AT_FDCWD), POINTER, each, any(0)),
      call("open", POINTER, each, any(0)),
    ]),
    call("openat2", any(AT_FDCWD), POINTER, POINTER, any(OPEN_HOW)),
    ...access === O_RDONLY ? [] : [call("creat", POINTER, any(0))],
  ];
}

/** Returns a number that no descriptor has. */
export const nextDescriptor = ({ daemon }: View): number => tableOf(daemon).next;

/** Returns a type of sockets, with whatever flags. */
export const typed = (type: number): FreeArgument[] =>
  [SOCK_CLOEXEC, 0].map((flags) => anyIn(SOCK_CLOEXEC | SOCK_NONBLOCK, type | flags));

/** Returns the calls that make a pair of sockets. */
export function pairing(): Call[] {
  return [SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM].flatMap((type) =>
    typed(type).map((each) => call("socketpair", AF_UNIX, each, any(0), POINTER))
  );
}

/** Returns the calls that duplicate the socket. */
export function duplicating(view: View): Call[] {
  const free = nextDescriptor(view);
  return [
    ...onSocket(view, "dup"),
    ...onSocket(view, "dup2", any(free)),
    ...onSocket(view, "dup3", any(free), any(0)),
    ...onSocket(view, "fcntl", F_DUPFD, any(0)),
    ...onSocket(view, "fcntl", F_DUPFD_CLOEXEC, any(0)),
  ];
}

/** clone(2), SO_PEERPIDFD and SCM_PIDFD give one as well. */
export const PIDFD_FROM_ELSEWHERE = cannotTell("a pidfd may come from elsewhere");

/**
 * Returns the ways to get the socket under another number, which no rule of a filter names: by a
 * duplicate, by a descriptor of the process itself, and by a message to itself.
 */
export function copying(view: View): Step[][] {
  const free = nextDescriptor(view);
  const fetching = view.socket.fds.map((fd) => call("pidfd_getfd", any(free), fd, any(0)));
  return [
    [step(duplicating(view), room(view, 1))],
    [step([call("pidfd_open", any(view.daemon.pid), any(0))]), step(fetching, room(view, 2))],
    [step(fetching, room(view, 1) ?? PIDFD_FROM_ELSEWHERE)],
    [
      step(pairing()),
      step([
        call("sendmsg", any(free), POINTER, any(0)),
        call("sendmmsg", any(free), POINTER, any(1), any(0)),
      ]),
      step([
        call("recvmsg", any(free + 1), POINTER, any(0)),
        call("recvmmsg", any(free + 1), POINTER, any(1), any(0), NULL),
      ], room(view, 3)),
    ],
  ];
}
