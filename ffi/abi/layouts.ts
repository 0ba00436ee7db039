/**
 * The C structs of this project and their sizes, the same on x86_64 and aarch64. Their fields are
 * in `fields.ts`.
 *
 * `tests/abi` compares every size and offset with a C compiler.
 *
 * @module
 */

import { FIELDS } from "./fields.ts";
import { type Struct, struct } from "./struct.ts";

/** `struct msghdr`, for sendmsg(2) and recvmsg(2). Source: bits/socket.h. */
export const msghdr: Struct<typeof FIELDS.msghdr> = struct("msghdr", 56, FIELDS.msghdr);

/** `struct iovec`: one piece of memory. Source: bits/types/struct_iovec.h. */
export const iovec: Struct<typeof FIELDS.iovec> = struct("iovec", 16, FIELDS.iovec);

/**
 * `struct cmsghdr`: the header of a control message; its data follow. Source: bits/socket.h,
 * cmsg(3).
 */
export const cmsghdr: Struct<typeof FIELDS.cmsghdr> = struct("cmsghdr", 16, FIELDS.cmsghdr);

/** `struct sockaddr_ll`: the address of a packet socket. Source: linux/if_packet.h, packet(7). */
export const sockaddr_ll: Struct<typeof FIELDS.sockaddr_ll> = struct(
  "sockaddr_ll",
  20,
  FIELDS.sockaddr_ll,
);

/** `struct sockaddr_nl`: the address of a netlink socket. Source: linux/netlink.h, netlink(7). */
export const sockaddr_nl: Struct<typeof FIELDS.sockaddr_nl> = struct(
  "sockaddr_nl",
  12,
  FIELDS.sockaddr_nl,
);

/** `struct sockaddr_in`: the address of an IPv4 socket. Source: netinet/in.h, ip(7). */
export const sockaddr_in: Struct<typeof FIELDS.sockaddr_in> = struct(
  "sockaddr_in",
  16,
  FIELDS.sockaddr_in,
);

/** `struct ip_mreqn`: a multicast group, or a source, on an interface. Source: bits/in.h, ip(7). */
export const ip_mreqn: Struct<typeof FIELDS.ip_mreqn> = struct("ip_mreqn", 12, FIELDS.ip_mreqn);

/**
 * `struct group_source_req`: a multicast group and a source, each a `sockaddr_storage`, on an
 * interface. Source: bits/in.h, RFC 3678, 5.1.
 */
export const group_source_req: Struct<typeof FIELDS.group_source_req> = struct(
  "group_source_req",
  264,
  FIELDS.group_source_req,
);

/**
 * `struct tpacket_stats`: the counters that PACKET_STATISTICS returns and resets. Source:
 * linux/if_packet.h.
 */
export const tpacket_stats: Struct<typeof FIELDS.tpacket_stats> = struct(
  "tpacket_stats",
  8,
  FIELDS.tpacket_stats,
);

/**
 * `struct tpacket_auxdata`: what PACKET_AUXDATA reports beside a frame. Source: linux/if_packet.h.
 */
export const tpacket_auxdata: Struct<typeof FIELDS.tpacket_auxdata> = struct(
  "tpacket_auxdata",
  20,
  FIELDS.tpacket_auxdata,
);

/**
 * `struct virtio_net_hdr`: the header that PACKET_VNET_HDR puts before a frame; of its unions the
 * members in use. Source: linux/virtio_net.h.
 */
export const virtio_net_hdr: Struct<typeof FIELDS.virtio_net_hdr> = struct(
  "virtio_net_hdr",
  10,
  FIELDS.virtio_net_hdr,
);

/** `struct pollfd`. Source: sys/poll.h. */
export const pollfd: Struct<typeof FIELDS.pollfd> = struct("pollfd", 8, FIELDS.pollfd);

/** `struct sigaction`: how a process handles a signal. Source: bits/sigaction.h, sigaction(2). */
export const sigaction: Struct<typeof FIELDS.sigaction> = struct(
  "sigaction",
  152,
  FIELDS.sigaction,
);

/** `struct timespec`. Source: bits/types/struct_timespec.h. */
export const timespec: Struct<typeof FIELDS.timespec> = struct("timespec", 16, FIELDS.timespec);

/** `struct passwd`; of its fields only those that are read. Source: pwd.h. */
export const passwd: Struct<typeof FIELDS.passwd> = struct("passwd", 48, FIELDS.passwd);

/** `struct group`; of its fields only those that are read. Source: grp.h. */
export const group: Struct<typeof FIELDS.group> = struct("group", 32, FIELDS.group);

/** `struct __user_cap_header_struct`. Source: linux/capability.h. */
export const __user_cap_header_struct: Struct<typeof FIELDS.__user_cap_header_struct> = struct(
  "__user_cap_header_struct",
  8,
  FIELDS.__user_cap_header_struct,
);

/**
 * `struct __user_cap_data_struct`: 32 capabilities; version 3 takes two of these. Source:
 * linux/capability.h.
 */
export const __user_cap_data_struct: Struct<typeof FIELDS.__user_cap_data_struct> = struct(
  "__user_cap_data_struct",
  12,
  FIELDS.__user_cap_data_struct,
);

/**
 * `struct dirent64` as getdents64(2) writes it, up to the name, which has a variable length.
 * Source: dirent.h.
 */
export const dirent64: Struct<typeof FIELDS.dirent64> = struct("dirent64", 19, FIELDS.dirent64);

/** `struct nlmsghdr`: the header of a netlink message. Source: linux/netlink.h. */
export const nlmsghdr: Struct<typeof FIELDS.nlmsghdr> = struct("nlmsghdr", 16, FIELDS.nlmsghdr);

/** `struct nlmsgerr`, up to its errno (negative). Source: linux/netlink.h. */
export const nlmsgerr: Struct<typeof FIELDS.nlmsgerr> = struct("nlmsgerr", 4, FIELDS.nlmsgerr);

/** `struct ifinfomsg`: a link, in rtnetlink(7). Source: linux/rtnetlink.h. */
export const ifinfomsg: Struct<typeof FIELDS.ifinfomsg> = struct("ifinfomsg", 16, FIELDS.ifinfomsg);

/** `struct packet_diag_req`: a request for packet sockets. Source: linux/packet_diag.h. */
export const packet_diag_req: Struct<typeof FIELDS.packet_diag_req> = struct(
  "packet_diag_req",
  20,
  FIELDS.packet_diag_req,
);

/** `struct packet_diag_msg`: a packet socket; attributes follow. Source: linux/packet_diag.h. */
export const packet_diag_msg: Struct<typeof FIELDS.packet_diag_msg> = struct(
  "packet_diag_msg",
  16,
  FIELDS.packet_diag_msg,
);

/** `struct packet_diag_info`: the settings of a packet socket. Source: linux/packet_diag.h. */
export const packet_diag_info: Struct<typeof FIELDS.packet_diag_info> = struct(
  "packet_diag_info",
  24,
  FIELDS.packet_diag_info,
);

/** `struct packet_diag_mclist`: a membership of a packet socket. Source: linux/packet_diag.h. */
export const packet_diag_mclist: Struct<typeof FIELDS.packet_diag_mclist> = struct(
  "packet_diag_mclist",
  44,
  FIELDS.packet_diag_mclist,
);

/** `struct packet_diag_ring`: a ring of a packet socket. Source: linux/packet_diag.h. */
export const packet_diag_ring: Struct<typeof FIELDS.packet_diag_ring> = struct(
  "packet_diag_ring",
  28,
  FIELDS.packet_diag_ring,
);

/** `struct rtattr`: the header of an attribute; its data follow. Source: linux/rtnetlink.h. */
export const rtattr: Struct<typeof FIELDS.rtattr> = struct("rtattr", 4, FIELDS.rtattr);

/** `struct rlimit`. Source: bits/resource.h. */
export const rlimit: Struct<typeof FIELDS.rlimit> = struct("rlimit", 16, FIELDS.rlimit);

/** `struct packet_mreq`: a membership of a packet socket. Source: linux/if_packet.h. */
export const packet_mreq: Struct<typeof FIELDS.packet_mreq> = struct(
  "packet_mreq",
  16,
  FIELDS.packet_mreq,
);

/** `struct tpacket_req`: the geometry of a ring. Source: linux/if_packet.h. */
export const tpacket_req: Struct<typeof FIELDS.tpacket_req> = struct(
  "tpacket_req",
  16,
  FIELDS.tpacket_req,
);

/** `struct tpacket_hdr`: the header of a frame in a TPACKET_V1 ring. Source: linux/if_packet.h. */
export const tpacket_hdr: Struct<typeof FIELDS.tpacket_hdr> = struct(
  "tpacket_hdr",
  32,
  FIELDS.tpacket_hdr,
);

/** `struct ifreq`: a request about an interface; of its union one member. Source: linux/if.h. */
export const ifreq: Struct<typeof FIELDS.ifreq> = struct("ifreq", 40, FIELDS.ifreq);

/** `struct sock_filter`: one instruction of classic BPF. Source: linux/filter.h. */
export const sock_filter: Struct<typeof FIELDS.sock_filter> = struct(
  "sock_filter",
  8,
  FIELDS.sock_filter,
);

/** `struct sock_fprog`: a classic BPF program of `len` instructions. Source: linux/filter.h. */
export const sock_fprog: Struct<typeof FIELDS.sock_fprog> = struct(
  "sock_fprog",
  16,
  FIELDS.sock_fprog,
);

/**
 * `struct seccomp_data`: a system call as a seccomp filter sees it, with six 64-bit arguments.
 * Source: linux/seccomp.h.
 */
export const seccomp_data: Struct<typeof FIELDS.seccomp_data> = struct(
  "seccomp_data",
  64,
  FIELDS.seccomp_data,
);

/** `union bpf_attr` for `BPF_PROG_LOAD`, up to the last field that is set. Source: linux/bpf.h. */
export const bpf_attr: Struct<typeof FIELDS.bpf_attr> = struct("bpf_attr", 24, FIELDS.bpf_attr);

/** `struct mmsghdr`: one message of recvmmsg(2), its `msghdr` first. Source: bits/socket.h. */
export const mmsghdr: Struct<typeof FIELDS.mmsghdr> = struct("mmsghdr", 64, FIELDS.mmsghdr);

/** `struct tpacket_req3`: the geometry of a TPACKET_V3 ring. Source: linux/if_packet.h. */
export const tpacket_req3: Struct<typeof FIELDS.tpacket_req3> = struct(
  "tpacket_req3",
  28,
  FIELDS.tpacket_req3,
);

/**
 * `struct tpacket_block_desc`: the header of a block, with the fields of its `hdr.bh1`. Source:
 * linux/if_packet.h.
 */
export const tpacket_block_desc: Struct<typeof FIELDS.tpacket_block_desc> = struct(
  "tpacket_block_desc",
  48,
  FIELDS.tpacket_block_desc,
);

/**
 * `struct tpacket3_hdr`: the header of a frame in a block, with the fields of its `hv1`. Source:
 * linux/if_packet.h.
 */
export const tpacket3_hdr: Struct<typeof FIELDS.tpacket3_hdr> = struct(
  "tpacket3_hdr",
  48,
  FIELDS.tpacket3_hdr,
);

/**
 * `struct io_uring_params`; the offsets in its two inner structs are `sq_off_…` and `cq_off_…`.
 * Source: linux/io_uring.h.
 */
export const io_uring_params: Struct<typeof FIELDS.io_uring_params> = struct(
  "io_uring_params",
  120,
  FIELDS.io_uring_params,
);

/**
 * `struct io_uring_sqe`: a submission; of its unions the members in use. Source: linux/io_uring.h.
 */
export const io_uring_sqe: Struct<typeof FIELDS.io_uring_sqe> = struct(
  "io_uring_sqe",
  64,
  FIELDS.io_uring_sqe,
);

/** `struct io_uring_cqe`: a completion. Source: linux/io_uring.h. */
export const io_uring_cqe: Struct<typeof FIELDS.io_uring_cqe> = struct(
  "io_uring_cqe",
  16,
  FIELDS.io_uring_cqe,
);

/** `struct io_uring_getevents_arg`: the timeout of io_uring_enter(2). Source: linux/io_uring.h. */
export const io_uring_getevents_arg: Struct<typeof FIELDS.io_uring_getevents_arg> = struct(
  "io_uring_getevents_arg",
  24,
  FIELDS.io_uring_getevents_arg,
);

/**
 * `struct io_uring_restriction`: one operation that a restricted ring allows. Source:
 * linux/io_uring.h.
 */
export const io_uring_restriction: Struct<typeof FIELDS.io_uring_restriction> = struct(
  "io_uring_restriction",
  16,
  FIELDS.io_uring_restriction,
);

/** `struct io_uring_sync_cancel_reg`: the submissions to cancel. Source: linux/io_uring.h. */
export const io_uring_sync_cancel_reg: Struct<typeof FIELDS.io_uring_sync_cancel_reg> = struct(
  "io_uring_sync_cancel_reg",
  64,
  FIELDS.io_uring_sync_cancel_reg,
);

/** `struct io_uring_buf_reg`: a ring of provided buffers. Source: linux/io_uring.h. */
export const io_uring_buf_reg: Struct<typeof FIELDS.io_uring_buf_reg> = struct(
  "io_uring_buf_reg",
  40,
  FIELDS.io_uring_buf_reg,
);

/**
 * `struct io_uring_buf`: one provided buffer. In the first, the tail of the ring follows `bid`.
 * Source: linux/io_uring.h.
 */
export const io_uring_buf: Struct<typeof FIELDS.io_uring_buf> = struct(
  "io_uring_buf",
  16,
  FIELDS.io_uring_buf,
);

/**
 * `struct io_uring_buf_ring`: the header of a ring of provided buffers. Source: linux/io_uring.h.
 */
export const io_uring_buf_ring: Struct<typeof FIELDS.io_uring_buf_ring> = struct(
  "io_uring_buf_ring",
  16,
  FIELDS.io_uring_buf_ring,
);

/** `struct ucred`: the credentials of a peer, for SO_PEERCRED. Source: bits/socket.h, unix(7). */
export const ucred: Struct<typeof FIELDS.ucred> = struct("ucred", 12, FIELDS.ucred);

/** `struct sockaddr_storage`: large enough for the address of any family. Source: bits/socket.h. */
export const sockaddr_storage: Struct<typeof FIELDS.sockaddr_storage> = struct(
  "sockaddr_storage",
  128,
  FIELDS.sockaddr_storage,
);

/** `sigset_t` of glibc: 1024 bits, of which the kernel uses 64. Source: bits/types/__sigset_t.h. */
export const sigset_t: Struct<typeof FIELDS.sigset_t> = struct("sigset_t", 128, FIELDS.sigset_t);

/** `sem_t`: a semaphore of glibc. Source: bits/semaphore.h. */
export const sem_t: Struct<typeof FIELDS.sem_t> = struct("sem_t", 32, FIELDS.sem_t);

/**
 * `siginfo_t`: the details of a signal; waitid(2) returns `si_status` in it. Source:
 * bits/types/siginfo_t.h.
 */
export const siginfo_t: Struct<typeof FIELDS.siginfo_t> = struct(
  "siginfo_t",
  128,
  FIELDS.siginfo_t,
);

/**
 * `struct ptrace_peeksiginfo_args`: the range of pending signals that PTRACE_PEEKSIGINFO reads.
 * Source: linux/ptrace.h.
 */
export const ptrace_peeksiginfo_args: Struct<typeof FIELDS.ptrace_peeksiginfo_args> = struct(
  "ptrace_peeksiginfo_args",
  16,
  FIELDS.ptrace_peeksiginfo_args,
);

/** `struct ptrace_syscall_info`; of its union the members in use. Source: linux/ptrace.h. */
export const ptrace_syscall_info: Struct<typeof FIELDS.ptrace_syscall_info> = struct(
  "ptrace_syscall_info",
  88,
  FIELDS.ptrace_syscall_info,
);
