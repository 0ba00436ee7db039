/**
 * The fields of the C structs in `layouts.ts`, written by hand: offset in bytes, type.
 *
 * They are in a file of their own because publishing the package requires an explicit type for each
 * struct, which is derived from this table.
 *
 * @module
 */

/** The fields of each struct, by its name. */
export const FIELDS = {
  msghdr: {
    msg_name: [0, "pointer"],
    msg_namelen: [8, "u32"],
    msg_iov: [16, "pointer"],
    msg_iovlen: [24, "usize"],
    msg_control: [32, "pointer"],
    msg_controllen: [40, "usize"],
    msg_flags: [48, "i32"],
  },
  sigaction: {
    sa_handler: [0, "pointer"],
    sa_mask: [8, "u8[128]"],
    sa_flags: [136, "i32"],
  },
  iovec: {
    iov_base: [0, "pointer"],
    iov_len: [8, "usize"],
  },
  cmsghdr: {
    cmsg_len: [0, "usize"],
    cmsg_level: [8, "i32"],
    cmsg_type: [12, "i32"],
  },
  sockaddr_ll: {
    sll_family: [0, "u16"],
    sll_protocol: [2, "be16"],
    sll_ifindex: [4, "i32"],
    sll_hatype: [8, "u16"],
    sll_pkttype: [10, "u8"],
    sll_halen: [11, "u8"],
    sll_addr: [12, "u8[8]"],
  },
  sockaddr_nl: {
    nl_family: [0, "u16"],
    nl_pid: [4, "u32"],
    nl_groups: [8, "u32"],
  },
  sockaddr_in: {
    sin_family: [0, "u16"],
    sin_port: [2, "be16"],
    sin_addr: [4, "u8[4]"],
  },
  ip_mreqn: {
    imr_multiaddr: [0, "u8[4]"],
    imr_address: [4, "u8[4]"],
    imr_ifindex: [8, "i32"],
  },
  tpacket_stats: {
    tp_packets: [0, "u32"],
    tp_drops: [4, "u32"],
  },
  pollfd: {
    fd: [0, "i32"],
    events: [4, "u16"],
    revents: [6, "u16"],
  },
  timespec: {
    tv_sec: [0, "i64"],
    tv_nsec: [8, "i64"],
  },
  passwd: {
    pw_name: [0, "pointer"],
    pw_uid: [16, "u32"],
    pw_gid: [20, "u32"],
  },
  group: {
    gr_name: [0, "pointer"],
    gr_gid: [16, "u32"],
  },
  __user_cap_header_struct: {
    version: [0, "u32"],
    pid: [4, "i32"],
  },
  __user_cap_data_struct: {
    effective: [0, "u32"],
    permitted: [4, "u32"],
    inheritable: [8, "u32"],
  },
  dirent64: {
    d_ino: [0, "u64"],
    d_off: [8, "i64"],
    d_reclen: [16, "u16"],
    d_type: [18, "u8"],
  },
  nlmsghdr: {
    nlmsg_len: [0, "u32"],
    nlmsg_type: [4, "u16"],
    nlmsg_flags: [6, "u16"],
    nlmsg_seq: [8, "u32"],
    nlmsg_pid: [12, "u32"],
  },
  nlmsgerr: {
    error: [0, "i32"],
  },
  ifinfomsg: {
    ifi_family: [0, "u8"],
    ifi_type: [2, "u16"],
    ifi_index: [4, "i32"],
    ifi_flags: [8, "u32"],
    ifi_change: [12, "u32"],
  },
  rtattr: {
    rta_len: [0, "u16"],
    rta_type: [2, "u16"],
  },
  rlimit: {
    rlim_cur: [0, "u64"],
    rlim_max: [8, "u64"],
  },
  packet_mreq: {
    mr_ifindex: [0, "i32"],
    mr_type: [4, "u16"],
    mr_alen: [6, "u16"],
    mr_address: [8, "u8[8]"],
  },
  tpacket_req: {
    tp_block_size: [0, "u32"],
    tp_block_nr: [4, "u32"],
    tp_frame_size: [8, "u32"],
    tp_frame_nr: [12, "u32"],
  },
  tpacket_hdr: {
    tp_status: [0, "u64"],
    tp_len: [8, "u32"],
    tp_snaplen: [12, "u32"],
    tp_mac: [16, "u16"],
    tp_net: [18, "u16"],
    tp_sec: [20, "u32"],
    tp_usec: [24, "u32"],
  },
  ifreq: {
    ifr_name: [0, "u8[16]"],
    ifr_flags: [16, "u16"],
  },
  sock_filter: {
    code: [0, "u16"],
    jt: [2, "u8"],
    jf: [3, "u8"],
    k: [4, "u32"],
  },
  sock_fprog: {
    len: [0, "u16"],
    filter: [8, "pointer"],
  },
  seccomp_data: {
    nr: [0, "i32"],
    arch: [4, "u32"],
    instruction_pointer: [8, "u64"],
    args: [16, "u8[48]"],
  },
  bpf_attr: {
    prog_type: [0, "u32"],
    insn_cnt: [4, "u32"],
    insns: [8, "u64"],
    license: [16, "u64"],
  },
  mmsghdr: {
    msg_hdr: [0, "u8[56]"],
    msg_len: [56, "u32"],
  },
  tpacket_req3: {
    tp_block_size: [0, "u32"],
    tp_block_nr: [4, "u32"],
    tp_frame_size: [8, "u32"],
    tp_frame_nr: [12, "u32"],
    tp_retire_blk_tov: [16, "u32"],
    tp_sizeof_priv: [20, "u32"],
    tp_feature_req_word: [24, "u32"],
  },
  tpacket_block_desc: {
    version: [0, "u32"],
    offset_to_priv: [4, "u32"],
    block_status: [8, "u32"],
    num_pkts: [12, "u32"],
    offset_to_first_pkt: [16, "u32"],
    blk_len: [20, "u32"],
    seq_num: [24, "u64"],
  },
  tpacket3_hdr: {
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
  },
  io_uring_params: {
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
  },
  io_uring_sqe: {
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
  },
  io_uring_cqe: {
    user_data: [0, "u64"],
    res: [8, "i32"],
    flags: [12, "u32"],
  },
  io_uring_getevents_arg: {
    sigmask: [0, "u64"],
    sigmask_sz: [8, "u32"],
    ts: [16, "u64"],
  },
  io_uring_restriction: {
    opcode: [0, "u16"],
    sqe_op: [2, "u8"],
  },
  io_uring_sync_cancel_reg: {
    addr: [0, "u64"],
    fd: [8, "i32"],
    flags: [12, "u32"],
    timeout: [16, "u8[16]"],
  },
  io_uring_buf_reg: {
    ring_addr: [0, "u64"],
    ring_entries: [8, "u32"],
    bgid: [12, "u16"],
  },
  io_uring_buf: {
    addr: [0, "u64"],
    len: [8, "u32"],
    bid: [12, "u16"],
  },
  io_uring_buf_ring: {
    tail: [14, "u16"],
  },
  ucred: {
    pid: [0, "i32"],
    uid: [4, "u32"],
    gid: [8, "u32"],
  },
  sockaddr_storage: {
    ss_family: [0, "u16"],
  },
  sigset_t: {},
  sem_t: {},
  siginfo_t: {
    si_signo: [0, "i32"],
    si_code: [8, "i32"],
    si_status: [24, "i32"],
  },
  ptrace_peeksiginfo_args: {
    off: [0, "u64"],
    flags: [8, "u32"],
    nr: [12, "i32"],
  },
  ptrace_syscall_info: {
    op: [0, "u8"],
    arch: [4, "u32"],
    instruction_pointer: [8, "u64"],
    entry_nr: [24, "u64"],
    entry_args: [32, "u8[48]"],
    exit_rval: [24, "i64"],
  },
} as const;
