/**
 * The catalogue of operations: everything that the holder of a packet socket may try, with the gain
 * of an attacker and the kernel function or manual page that decides.
 *
 * It holds knowledge only. The experiment `authority` attempts each operation for real, in this
 * order; `inspect` predicts the outcome for a process that is running.
 *
 * @module
 */

/** An operation, before anyone tries it. */
export interface OperationDescription {
  /** The gain of an attacker. */
  readonly gives: string;
  /** The kernel function or manual page that decides. */
  readonly source: string;
}

/** Every operation, by its stable name. */
export const OPERATION_CATALOGUE = {
  "packet-socket": {
    gives: "every frame of every interface",
    source: "packet_create: ns_capable(CAP_NET_RAW)",
  },
  "rebind-interface": {
    gives: "the frames of another interface",
    source: "packet_do_bind: no capability required; EINVAL for a member of a fanout group",
  },
  "rebind-all": {
    gives: "the frames of all interfaces",
    source: "packet_do_bind",
  },
  "rebind-protocol": {
    gives: "the frames of another protocol",
    source: "packet_do_bind",
  },
  "promiscuous": {
    gives: "frames for other hosts; the interface stays promiscuous while anyone holds the socket",
    source: "packet_mc_add: no capability required",
  },
  "send": {
    gives: "forged frames on the interface that the socket is bound to",
    source: "packet_snd: no capability required",
  },
  "sendto-elsewhere": {
    gives: "forged frames on any interface",
    source: "packet_snd: the address names the interface",
  },
  "write": {
    gives: "forged frames, by a call that a filter of socket calls does not see",
    source: "sock_write_iter → packet_sendmsg",
  },
  "send-message": {
    gives: "forged frames on any interface, by sendmsg(2), whose address lies in memory",
    source: "__sys_sendmsg → packet_sendmsg",
  },
  "send-messages": {
    gives: "many forged frames by one call, sendmmsg(2)",
    source: "__sys_sendmmsg → packet_sendmsg",
  },
  "write-vector": {
    gives: "forged frames, by writev(2)",
    source: "do_iter_readv_writev → sock_write_iter",
  },
  "splice": {
    gives: "forged frames from a pipe, by splice(2), or from a file, by sendfile(2)",
    source: "splice_to_socket → packet_sendmsg",
  },
  "attach-filter": {
    gives: "frames that the parent's filter drops",
    source: "sk_attach_filter; SOCK_FILTER_LOCKED: EPERM",
  },
  "detach-filter": {
    gives: "frames that the parent's filter drops",
    source: "sk_detach_filter; SOCK_FILTER_LOCKED: EPERM",
  },
  "rx-ring": {
    gives: "kernel memory for a ring; frames taken from the other holders of the socket",
    source: "packet_set_ring: no capability required",
  },
  "tx-ring": {
    gives: "kernel memory, and forged frames that are no argument of a system call",
    source: "packet_set_ring, tpacket_snd: no capability required",
  },
  "qdisc-bypass": {
    gives: "sending past the queueing discipline",
    source: "packet_setsockopt",
  },
  "vnet-hdr": {
    gives: "another layout of every frame, for every holder of the socket",
    source: "packet_setsockopt",
  },
  "auxdata": {
    gives: "lengths, VLAN tags and status of every frame",
    source: "packet_setsockopt",
  },
  "timestamp": {
    gives: "another clock for the time stamps, for every holder of the socket",
    source: "packet_setsockopt",
  },
  "last-timestamp": {
    gives: "the time at which the last frame came (ENOENT while SO_TIMESTAMPNS stamps each frame)",
    source: "sock_gettstamp",
  },
  "priority": {
    gives: "a transmit queue that is reserved for others (SO_PRIORITY 7)",
    source: "sk_setsockopt: CAP_NET_RAW or CAP_NET_ADMIN above 6",
  },
  "mark": {
    gives: "another routing table (SO_MARK)",
    source: "sk_setsockopt: CAP_NET_RAW or CAP_NET_ADMIN",
  },
  "receive-buffer": {
    gives: "kernel memory beyond net.core.rmem_max (SO_RCVBUFFORCE)",
    source: "sk_setsockopt: CAP_NET_ADMIN",
  },
  "interface-down": {
    gives: "control of the interface (SIOCSIFFLAGS)",
    source: "dev_ioctl: CAP_NET_ADMIN",
  },
  "shutdown": {
    gives: "an end to the parent's reception",
    source: "AF_PACKET has no shutdown: sock_no_shutdown",
  },
  "duplicate": {
    gives: "the socket under a number that no rule of a filter names",
    source: "dup(2)",
  },
  "hoard": {
    gives: "every descriptor that the process may have",
    source: "getrlimit(2), RLIMIT_NOFILE",
  },
  "socketpair": {
    gives: "a channel over which to pass the socket on",
    source: "socketpair(2)",
  },
  "udp-socket": {
    gives: "the network, as any process may use it",
    source: "socket(2)",
  },
  "forgotten-descriptor": {
    gives: "whatever the parent forgot to close",
    source: "open(2), O_CLOEXEC",
  },
  "open-for-writing": {
    gives: "files that anyone may write",
    source: "open(2)",
  },
  "execute": {
    gives: "any program, which may inherit the socket",
    source: "posix_spawn(3): clone(2), execve(2)",
  },
  "set-uid-program": {
    gives: "a process of root's, through any flaw of su(1)",
    source:
      "bprm_fill_uid: no_new_privs; an empty bounding set removes its capabilities, not its uid",
  },
  "user-namespace": {
    gives:
      "every capability over its own namespace (only a process with one thread may: here EINVAL)",
    source: "check_unshare_flags: one thread",
  },
  "user-namespace-program": {
    gives:
      "the same, through a program with one thread: CAP_NET_RAW, but not over this network namespace",
    source: "create_user_ns: no capability required; user.max_user_namespaces",
  },
  "user-namespace-socket": {
    gives: "CAP_NET_ADMIN over the passed socket, if such a program inherits it",
    source: "sk_setsockopt, SO_MARK: ns_capable over the network namespace of the socket",
  },
  "io-uring": {
    gives: "a way around a filter of system calls",
    source: "io_uring_setup(2)",
  },
  "io-uring-send": {
    gives: "forged frames despite a filter that refuses every call that sends",
    source:
      "io_uring/net.c: io_send; seccomp(2) sees io_uring_enter(2), and not the operation in the ring",
  },
  "early-ring": {
    gives: "nothing: a plain ring from before the drop acts with its user's credentials",
    source: "io_uring/io_uring.c: the submitter's credentials",
  },
  "early-personality": {
    gives: "root's files: a personality registered before the drop still acts as root",
    source: "io_init_req: the registered credentials",
  },
  "early-polled-ring": {
    gives:
      "root's files, without a system call that a filter could refuse: the kernel thread is still root",
    source: "io_sq_thread: the credentials of the ring's creator",
  },
  "ebpf": {
    gives: "a program in the kernel, as the socket's filter",
    source: "bpf(2); kernel.unprivileged_bpf_disabled; sk_attach_bpf",
  },
  "make-dumpable": {
    gives: "access to this process for its siblings",
    source: "prctl(2), PR_SET_DUMPABLE",
  },
  "take-sibling-socket": {
    gives: "another worker's packet socket (pidfd_getfd)",
    source: "pidfd_getfd → ptrace_may_access; EPERM for a sibling that is not dumpable",
  },
  "list-sibling": {
    gives: "a list of another worker's descriptors (/proc/PID/fd)",
    source: "proc_pid_fd(5): ptrace_may_access",
  },
  "trace-sibling": {
    gives: "control of another worker (ptrace)",
    source: "ptrace_attach → ptrace_may_access",
  },
  "read-sibling-memory": {
    gives: "another worker's memory (process_vm_readv)",
    source:
      "process_vm_rw_core → ptrace_may_access: EPERM; EFAULT for address 0 shows that it is granted",
  },
  "kill-sibling": {
    gives: "an end to another worker",
    source: "kill(2): the same uid",
  },
  "outlive-parent": {
    gives: "a worker that nobody watches",
    source: "prctl(2), PR_SET_PDEATHSIG",
  },
  "fanout-join": {
    gives: "a share of a group's frames, which the group loses when this member stops reading",
    source: "fanout_add; EALREADY for a member",
  },
} as const satisfies Record<string, OperationDescription>;

/** The name of an operation, such as `rebind-interface`. */
export type OperationName = keyof typeof OPERATION_CATALOGUE;

/** Every name, in the order of the catalogue. */
export const OPERATION_NAMES = Object.keys(OPERATION_CATALOGUE) as readonly OperationName[];
