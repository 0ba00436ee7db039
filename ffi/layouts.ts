/**
 * The C structs of this project, laid out by hand for 64-bit Linux (x86_64 and aarch64 alike).
 *
 * `tests/abi` compares every size and offset with what a C compiler says.
 *
 * @module
 */

import { struct } from "./struct.ts";

/** `struct msghdr`: what sendmsg(2) and recvmsg(2) take. Source: bits/socket.h. */
export const msghdr = struct("msghdr", 56, {
  msg_name: [0, "pointer"],
  msg_namelen: [8, "u32"],
  msg_iov: [16, "pointer"],
  msg_iovlen: [24, "usize"],
  msg_control: [32, "pointer"],
  msg_controllen: [40, "usize"],
  msg_flags: [48, "i32"],
});

/** `struct iovec`: one piece of memory. Source: bits/types/struct_iovec.h. */
export const iovec = struct("iovec", 16, {
  iov_base: [0, "pointer"],
  iov_len: [8, "usize"],
});

/** `struct cmsghdr`: the head of one control message; its data follow. Source: bits/socket.h, cmsg(3). */
export const cmsghdr = struct("cmsghdr", 16, {
  cmsg_len: [0, "usize"],
  cmsg_level: [8, "i32"],
  cmsg_type: [12, "i32"],
});

/** `struct sockaddr_ll`: the address of a packet socket. Source: linux/if_packet.h, packet(7). */
export const sockaddr_ll = struct("sockaddr_ll", 20, {
  sll_family: [0, "u16"],
  sll_protocol: [2, "be16"],
  sll_ifindex: [4, "i32"],
  sll_hatype: [8, "u16"],
  sll_pkttype: [10, "u8"],
  sll_halen: [11, "u8"],
  sll_addr: [12, "u8[8]"],
});

/** `struct sockaddr_in`: the address of an IPv4 socket. Source: netinet/in.h, ip(7). */
export const sockaddr_in = struct("sockaddr_in", 16, {
  sin_family: [0, "u16"],
  sin_port: [2, "be16"],
  sin_addr: [4, "u8[4]"],
});

/** `struct ip_mreqn`: a multicast group, or a source, on an interface. Source: bits/in.h, ip(7). */
export const ip_mreqn = struct("ip_mreqn", 12, {
  imr_multiaddr: [0, "u8[4]"],
  imr_address: [4, "u8[4]"],
  imr_ifindex: [8, "i32"],
});

/** `struct tpacket_stats`: what PACKET_STATISTICS returns and sets to zero. Source: linux/if_packet.h. */
export const tpacket_stats = struct("tpacket_stats", 8, {
  tp_packets: [0, "u32"],
  tp_drops: [4, "u32"],
});

/** `struct pollfd`. Source: sys/poll.h. */
export const pollfd = struct("pollfd", 8, {
  fd: [0, "i32"],
  events: [4, "u16"],
  revents: [6, "u16"],
});

/** `struct timespec`. Source: bits/types/struct_timespec.h. */
export const timespec = struct("timespec", 16, {
  tv_sec: [0, "i64"],
  tv_nsec: [8, "i64"],
});

/** `struct passwd`, up to what is read of it. Source: pwd.h. */
export const passwd = struct("passwd", 48, {
  pw_name: [0, "pointer"],
  pw_uid: [16, "u32"],
  pw_gid: [20, "u32"],
});

/** `struct group`, up to what is read of it. Source: grp.h. */
export const group = struct("group", 32, {
  gr_name: [0, "pointer"],
  gr_gid: [16, "u32"],
});

/** `struct __user_cap_header_struct`. Source: linux/capability.h. */
export const __user_cap_header_struct = struct("__user_cap_header_struct", 8, {
  version: [0, "u32"],
  pid: [4, "i32"],
});

/** `struct __user_cap_data_struct`: 32 capabilities; version 3 takes two of them. Source: linux/capability.h. */
export const __user_cap_data_struct = struct("__user_cap_data_struct", 12, {
  effective: [0, "u32"],
  permitted: [4, "u32"],
  inheritable: [8, "u32"],
});

/** `struct dirent64`, as getdents64(2) writes it: of variable length, the name from byte 19 on. Source: dirent.h. */
export const dirent64 = struct("dirent64", 19, {
  d_ino: [0, "u64"],
  d_off: [8, "i64"],
  d_reclen: [16, "u16"],
  d_type: [18, "u8"],
});

/** `struct nlmsghdr`: the head of a netlink message. Source: linux/netlink.h. */
export const nlmsghdr = struct("nlmsghdr", 16, {
  nlmsg_len: [0, "u32"],
  nlmsg_type: [4, "u16"],
  nlmsg_flags: [6, "u16"],
  nlmsg_seq: [8, "u32"],
  nlmsg_pid: [12, "u32"],
});

/** `struct nlmsgerr`, up to its errno (negative). Source: linux/netlink.h. */
export const nlmsgerr = struct("nlmsgerr", 4, {
  error: [0, "i32"],
});

/** `struct ifinfomsg`: a link, in rtnetlink(7). Source: linux/rtnetlink.h. */
export const ifinfomsg = struct("ifinfomsg", 16, {
  ifi_family: [0, "u8"],
  ifi_type: [2, "u16"],
  ifi_index: [4, "i32"],
  ifi_flags: [8, "u32"],
  ifi_change: [12, "u32"],
});

/** `struct rtattr`: the head of an attribute; its data follow. Source: linux/rtnetlink.h. */
export const rtattr = struct("rtattr", 4, {
  rta_len: [0, "u16"],
  rta_type: [2, "u16"],
});

/** `struct rlimit`. Source: bits/resource.h. */
export const rlimit = struct("rlimit", 16, {
  rlim_cur: [0, "u64"],
  rlim_max: [8, "u64"],
});

/** `struct packet_mreq`: a membership of a packet socket. Source: linux/if_packet.h. */
export const packet_mreq = struct("packet_mreq", 16, {
  mr_ifindex: [0, "i32"],
  mr_type: [4, "u16"],
  mr_alen: [6, "u16"],
  mr_address: [8, "u8[8]"],
});

/** `struct tpacket_req`: the geometry of a ring. Source: linux/if_packet.h. */
export const tpacket_req = struct("tpacket_req", 16, {
  tp_block_size: [0, "u32"],
  tp_block_nr: [4, "u32"],
  tp_frame_size: [8, "u32"],
  tp_frame_nr: [12, "u32"],
});

/** `struct sock_filter`: one instruction of classic BPF. Source: linux/filter.h. */
export const sock_filter = struct("sock_filter", 8, {
  code: [0, "u16"],
  jt: [2, "u8"],
  jf: [3, "u8"],
  k: [4, "u32"],
});

/** `struct sock_fprog`: a program of classic BPF, `len` instructions long. Source: linux/filter.h. */
export const sock_fprog = struct("sock_fprog", 16, {
  len: [0, "u16"],
  filter: [8, "pointer"],
});

/** `struct seccomp_data`: what a seccomp filter sees of a system call; six arguments of 64 bits. Source: linux/seccomp.h. */
export const seccomp_data = struct("seccomp_data", 64, {
  nr: [0, "i32"],
  arch: [4, "u32"],
  instruction_pointer: [8, "u64"],
  args: [16, "u8[48]"],
});

/** `union bpf_attr` for `BPF_PROG_LOAD`, up to what is set of it. Source: linux/bpf.h. */
export const bpf_attr = struct("bpf_attr", 24, {
  prog_type: [0, "u32"],
  insn_cnt: [4, "u32"],
  insns: [8, "u64"],
  license: [16, "u64"],
});

/** `struct mmsghdr`: one message of recvmmsg(2), its `msghdr` first. Source: bits/socket.h. */
export const mmsghdr = struct("mmsghdr", 64, {
  msg_hdr: [0, "u8[56]"],
  msg_len: [56, "u32"],
});

/** `struct tpacket_req3`: the geometry of a TPACKET_V3 ring. Source: linux/if_packet.h. */
export const tpacket_req3 = struct("tpacket_req3", 28, {
  tp_block_size: [0, "u32"],
  tp_block_nr: [4, "u32"],
  tp_frame_size: [8, "u32"],
  tp_frame_nr: [12, "u32"],
  tp_retire_blk_tov: [16, "u32"],
  tp_sizeof_priv: [20, "u32"],
  tp_feature_req_word: [24, "u32"],
});

/** `struct tpacket_block_desc`: the head of a block; its `hdr.bh1` written out. Source: linux/if_packet.h. */
export const tpacket_block_desc = struct("tpacket_block_desc", 48, {
  version: [0, "u32"],
  offset_to_priv: [4, "u32"],
  block_status: [8, "u32"],
  num_pkts: [12, "u32"],
  offset_to_first_pkt: [16, "u32"],
  blk_len: [20, "u32"],
  seq_num: [24, "u64"],
});

/** `struct tpacket3_hdr`: the head of a frame in a block; its `hv1` written out. Source: linux/if_packet.h. */
export const tpacket3_hdr = struct("tpacket3_hdr", 48, {
  tp_next_offset: [0, "u32"],
  tp_sec: [4, "u32"],
  tp_nsec: [8, "u32"],
  tp_snaplen: [12, "u32"],
  tp_len: [16, "u32"],
  tp_status: [20, "u32"],
  tp_mac: [24, "u16"],
  tp_net: [26, "u16"],
  tp_vlan_tci: [32, "u32"],
  tp_vlan_tpid: [36, "u16"],
});

/** `struct io_uring_params`; of its two structs of offsets what is used, as `sq_off_…` and `cq_off_…`. Source: linux/io_uring.h. */
export const io_uring_params = struct("io_uring_params", 120, {
  sq_entries: [0, "u32"],
  cq_entries: [4, "u32"],
  flags: [8, "u32"],
  sq_thread_idle: [16, "u32"],
  features: [20, "u32"],
  sq_off_head: [40, "u32"],
  sq_off_tail: [44, "u32"],
  sq_off_flags: [56, "u32"],
  sq_off_array: [64, "u32"],
  sq_off_user_addr: [72, "u64"],
  cq_off_head: [80, "u32"],
  cq_off_tail: [84, "u32"],
  cq_off_overflow: [96, "u32"],
  cq_off_cqes: [100, "u32"],
  cq_off_user_addr: [112, "u64"],
});

/** `struct io_uring_sqe`: a submission. Of its unions the members that are used. Source: linux/io_uring.h. */
export const io_uring_sqe = struct("io_uring_sqe", 64, {
  opcode: [0, "u8"],
  flags: [1, "u8"],
  ioprio: [2, "u16"],
  fd: [4, "i32"],
  off: [8, "u64"],
  addr: [16, "u64"],
  len: [24, "u32"],
  msg_flags: [28, "u32"],
  user_data: [32, "u64"],
  buf_group: [40, "u16"],
  personality: [42, "u16"],
});

/** `struct io_uring_cqe`: a completion. Source: linux/io_uring.h. */
export const io_uring_cqe = struct("io_uring_cqe", 16, {
  user_data: [0, "u64"],
  res: [8, "i32"],
  flags: [12, "u32"],
});

/** `struct io_uring_getevents_arg`: how long io_uring_enter(2) may wait. Source: linux/io_uring.h. */
export const io_uring_getevents_arg = struct("io_uring_getevents_arg", 24, {
  sigmask: [0, "u64"],
  sigmask_sz: [8, "u32"],
  ts: [16, "u64"],
});

/** `struct io_uring_restriction`: one thing that a restricted ring may do. Source: linux/io_uring.h. */
export const io_uring_restriction = struct("io_uring_restriction", 16, {
  opcode: [0, "u16"],
  sqe_op: [2, "u8"],
});

/** `struct io_uring_sync_cancel_reg`: what is to be cancelled. Source: linux/io_uring.h. */
export const io_uring_sync_cancel_reg = struct("io_uring_sync_cancel_reg", 64, {
  addr: [0, "u64"],
  fd: [8, "i32"],
  flags: [12, "u32"],
  timeout: [16, "u8[16]"],
});

/** `struct io_uring_buf_reg`: a ring of provided buffers. Source: linux/io_uring.h. */
export const io_uring_buf_reg = struct("io_uring_buf_reg", 40, {
  ring_addr: [0, "u64"],
  ring_entries: [8, "u32"],
  bgid: [12, "u16"],
});

/** `struct io_uring_buf`: one provided buffer; in the first, the ring's tail lies over what follows `bid`. Source: linux/io_uring.h. */
export const io_uring_buf = struct("io_uring_buf", 16, {
  addr: [0, "u64"],
  len: [8, "u32"],
  bid: [12, "u16"],
});
