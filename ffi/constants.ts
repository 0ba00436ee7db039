/**
 * Constants of the kernel and of glibc, under the names and in the headers that they come from. Those below
 * are the same on x86_64 and aarch64; `tests/abi` asks the C compiler.
 *
 * @module
 */

// bits/socket.h
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;
export const MSG_PEEK = 0x02;
export const MSG_CTRUNC = 0x08;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;
export const SCM_RIGHTS = 1;
export const SHUT_RDWR = 2;

// linux/net.h: the most descriptors that one SCM_RIGHTS message carries (SCM_MAX_FD in include/net/scm.h)
export const SCM_MAX_FD = 253;

// asm-generic/socket.h
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_RCVBUF = 8;
export const SO_PRIORITY = 12;
export const SO_BINDTODEVICE = 25;
export const SO_ATTACH_FILTER = 26;
export const SO_DETACH_FILTER = 27;
export const SO_PEERCRED = 17;
export const SO_RCVBUFFORCE = 33;
export const SO_ATTACH_BPF = 50;
export const SO_TIMESTAMPNS = 35;
export const SCM_TIMESTAMPNS = SO_TIMESTAMPNS;
export const SO_MARK = 36;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;
export const SO_LOCK_FILTER = 44;
export const SO_COOKIE = 57;

// bits/in.h, netinet/in.h
export const IPPROTO_IP = 0;
export const IPPROTO_UDP = 17;
export const IP_RECVERR = 11;
export const IP_MULTICAST_IF = 32;
export const IP_MULTICAST_TTL = 33;
export const IP_MULTICAST_LOOP = 34;
export const IP_ADD_MEMBERSHIP = 35;

// linux/if_packet.h
export const SOL_PACKET = 263; // linux/socket.h
export const PACKET_OUTGOING = 4;
export const PACKET_ADD_MEMBERSHIP = 1;
export const PACKET_DROP_MEMBERSHIP = 2;
export const PACKET_RX_RING = 5;
export const PACKET_STATISTICS = 6;
export const PACKET_AUXDATA = 8;
export const PACKET_VERSION = 10;
export const PACKET_TX_RING = 13;
export const PACKET_VNET_HDR = 15;
export const PACKET_TIMESTAMP = 17;
export const PACKET_FANOUT = 18;
export const PACKET_QDISC_BYPASS = 20;
export const PACKET_FANOUT_DATA = 22;
export const PACKET_IGNORE_OUTGOING = 23;

export const PACKET_FANOUT_HASH = 0;
export const PACKET_FANOUT_CBPF = 6;
export const PACKET_MR_PROMISC = 1;

export const TPACKET_V3 = 2;
export const TP_STATUS_KERNEL = 0;
export const TP_STATUS_USER = 0x1;
export const TP_STATUS_LOSING = 0x4;
export const TP_STATUS_CSUMNOTREADY = 0x8;
export const TP_STATUS_VLAN_VALID = 0x10;
export const TP_STATUS_BLK_TMO = 0x20;
export const TP_STATUS_VLAN_TPID_VALID = 0x40;

// linux/if_ether.h
export const ETH_P_IP = 0x0800;
export const ETH_P_IPV6 = 0x86dd;
export const ETH_P_ALL = 0x0003;
export const ETH_P_8021Q = 0x8100;
export const ETH_ALEN = 6;
export const ETH_HLEN = 14;

// linux/if.h
export const IFNAMSIZ = 16;
export const IFF_UP = 0x1;
export const IFF_LOOPBACK = 0x8;
export const IFF_PROMISC = 0x100;
export const IFF_LOWER_UP = 0x10000;

// linux/rtnetlink.h, linux/if_link.h, linux/netlink.h
export const RTM_NEWLINK = 16;
export const RTM_GETLINK = 18;
export const NLM_F_REQUEST = 1;
export const NLMSG_ERROR = 2;
export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_LINK = 5;
export const IFLA_LINKINFO = 18;
export const IFLA_LINK_NETNSID = 37;
export const IFLA_INFO_KIND = 1;

// bits/poll.h
export const POLLIN = 0x01;
export const POLLOUT = 0x04;
export const POLLERR = 0x08;
export const POLLHUP = 0x10;
export const POLLNVAL = 0x20;
export const POLLRDHUP = 0x2000;

// bits/fcntl-linux.h (asm-generic/fcntl.h)
export const O_RDONLY = 0;
export const O_CREAT = 0x40;
export const O_TRUNC = 0x200;
export const O_WRONLY = 1;
export const O_ACCMODE = 3;
export const O_PATH = 0x200000;
export const O_CLOEXEC = 0x80000;
export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const FD_CLOEXEC = 1;

// linux/fcntl.h, linux/memfd.h
export const F_ADD_SEALS = 1033;
export const F_SEAL_SEAL = 0x1;
export const F_SEAL_SHRINK = 0x2;
export const F_SEAL_GROW = 0x4;
export const MFD_CLOEXEC = 0x1;
export const MFD_ALLOW_SEALING = 0x2;
export const AT_FDCWD = -100;

// linux/io_uring.h
export const IORING_SETUP_SQPOLL = 0x2;
export const IORING_SETUP_CQSIZE = 0x8;
export const IORING_SETUP_R_DISABLED = 0x40;
export const IORING_SETUP_NO_MMAP = 0x4000;
export const IORING_OP_NOP = 0;
export const IORING_OP_SENDMSG = 9;
export const IORING_OP_RECVMSG = 10;
export const IORING_OP_OPENAT = 18;
export const IORING_OP_READ = 22;
export const IORING_OP_WRITE = 23;
export const IORING_OP_SEND = 26;
export const IORING_OP_RECV = 27;
export const IORING_OP_SOCKET = 45;
export const IORING_RECV_MULTISHOT = 0x2;
export const IOSQE_FIXED_FILE = 0x1;
export const IOSQE_IO_LINK = 0x4;
export const IOSQE_BUFFER_SELECT = 0x20;
export const IORING_CQE_F_BUFFER = 0x1;
export const IORING_CQE_F_MORE = 0x2;
export const IORING_CQE_BUFFER_SHIFT = 16;
export const IORING_SQ_CQ_OVERFLOW = 0x2;
export const IORING_ENTER_GETEVENTS = 0x1;
export const IORING_ENTER_SQ_WAKEUP = 0x2;
export const IORING_ENTER_EXT_ARG = 0x8;
export const IORING_REGISTER_FILES = 2;
export const IORING_REGISTER_PERSONALITY = 9;
export const IORING_REGISTER_RESTRICTIONS = 11;
export const IORING_REGISTER_ENABLE_RINGS = 12;
export const IORING_REGISTER_PBUF_RING = 22;
export const IORING_REGISTER_SYNC_CANCEL = 24;
export const IORING_ASYNC_CANCEL_ALL = 0x1;
export const IORING_ASYNC_CANCEL_ANY = 0x4;
export const IORING_RESTRICTION_REGISTER_OP = 0;
export const IORING_RESTRICTION_SQE_OP = 1;
export const IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2;
export const IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3;

// bits/mman-linux.h, bits/mman-map-flags-generic.h
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;

// linux/close_range.h
export const CLOSE_RANGE_CLOEXEC = 4;

// linux/capability.h
export const _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
export const CAP_SETGID = 6;
export const CAP_SETUID = 7;
export const CAP_NET_RAW = 13;

// linux/prctl.h
export const PR_SET_PDEATHSIG = 1;
export const PR_GET_PDEATHSIG = 2;
export const PR_GET_DUMPABLE = 3;
export const PR_SET_DUMPABLE = 4;

// bits/resource.h
export const RLIMIT_FSIZE = 1;
export const RLIMIT_CORE = 4;
export const RLIMIT_NOFILE = 7;

// asm-generic/signal.h
export const SIGKILL = 9;

// bits/time.h
export const CLOCK_REALTIME = 0;

// linux/bpf_common.h, linux/filter.h
export const BPF_LD = 0x00;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_RET = 0x06;
export const BPF_W = 0x00;
export const BPF_H = 0x08;
export const BPF_B = 0x10;
export const BPF_ABS = 0x20;
export const BPF_AND = 0x50;
export const BPF_MUL = 0x20;
export const BPF_RSH = 0x70;
export const BPF_MOD = 0x90;
export const BPF_XOR = 0xa0;
export const BPF_JEQ = 0x10;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;
export const BPF_JA = 0x00;
export const BPF_K = 0x00;
export const BPF_X = 0x08;
export const BPF_MISC = 0x07;
export const BPF_TAX = 0x00;
export const BPF_MAXINSNS = 4096;
export const SKF_NET_OFF = -0x100000;
export const SKF_AD_OFF = -0x1000;
export const SKF_AD_PROTOCOL = 0;
export const SKF_AD_PKTTYPE = 4;
export const SKF_AD_QUEUE = 24;
export const SKF_AD_CPU = 36;
export const SKF_AD_VLAN_TAG = 44;
export const SKF_AD_RANDOM = 56;

// linux/bpf.h
export const BPF_PROG_LOAD = 5;
export const BPF_PROG_TYPE_SOCKET_FILTER = 1;

// linux/seccomp.h
export const SECCOMP_SET_MODE_FILTER = 1;
export const SECCOMP_FILTER_FLAG_TSYNC = 1;
export const SECCOMP_RET_KILL_PROCESS = 0x80000000;
export const SECCOMP_RET_ERRNO = 0x00050000;
export const SECCOMP_RET_ALLOW = 0x7fff0000;

// linux/audit.h
export const AUDIT_ARCH_X86_64 = 0xc000003e;
export const AUDIT_ARCH_AARCH64 = 0xc00000b7;

// sys/ptrace.h
export const PTRACE_DETACH = 17;
export const PTRACE_SEIZE = 0x4206;
export const PTRACE_INTERRUPT = 0x4207;
export const PTRACE_SECCOMP_GET_FILTER = 0x420c;

// sys/wait.h
export const P_PID = 1;
export const WNOHANG = 1;
export const WSTOPPED = 2;
export const __WALL = 0x40000000;

// linux/sockios.h
export const SIOCGSTAMP_OLD = 0x8906;
export const SIOCSIFFLAGS = 0x8914;

// bits/sched.h
export const CLONE_NEWUSER = 0x10000000;
export const CLONE_THREAD = 0x10000;

// linux/prctl.h
export const PR_SET_NAME = 15;
export const PR_CAPBSET_READ = 23;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_GET_NO_NEW_PRIVS = 39;
export const PR_SET_VMA = 0x53564d41;
