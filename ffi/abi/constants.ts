/**
 * Constants of the kernel and of glibc, under the names and in the headers that they come from. Those below
 * are the same on x86_64 and aarch64; `tests/abi` asks the C compiler.
 *
 * @module
 */

// bits/socket.h
/** Local sockets: unix(7). */
export const AF_UNIX = 1;
/** IPv4 sockets: ip(7). */
export const AF_INET = 2;
/** Messages with the kernel: netlink(7). */
export const AF_NETLINK = 16;
/** Frames as they are on the wire: packet(7). */
export const AF_PACKET = 17;
/** A stream of bytes. */
export const SOCK_STREAM = 1;
/** Datagrams. */
export const SOCK_DGRAM = 2;
/** Packets with their headers. */
export const SOCK_RAW = 3;
/** Datagrams over a connection, in order. */
export const SOCK_SEQPACKET = 5;
/** Calls on the new socket never wait. */
export const SOCK_NONBLOCK = 0x800;
/** The new socket is closed by execve(2). */
export const SOCK_CLOEXEC = 0x80000;
/** Leaves the message in the queue; of descriptors it installs copies. */
export const MSG_PEEK = 0x02;
/** Control data did not fit, or a descriptor could not be installed. */
export const MSG_CTRUNC = 0x08;
/** The message was longer than the buffer. */
export const MSG_TRUNC = 0x20;
/** This one call does not wait. */
export const MSG_DONTWAIT = 0x40;
/** No SIGPIPE where nobody reads. */
export const MSG_NOSIGNAL = 0x4000;
/** Descriptors that arrive are closed by execve(2). */
export const MSG_CMSG_CLOEXEC = 0x40000000;
/** The control message that carries descriptors: unix(7). */
export const SCM_RIGHTS = 1;
/** For shutdown(2): neither receive nor send. */
export const SHUT_RDWR = 2;

// linux/net.h: the most descriptors that one SCM_RIGHTS message carries (SCM_MAX_FD in include/net/scm.h)
/** The most descriptors that one SCM_RIGHTS message carries. */
export const SCM_MAX_FD = 253;

// asm-generic/socket.h
/** The level of options that all sockets have: socket(7). */
export const SOL_SOCKET = 1;
/** Allows an address that was in use just now. */
export const SO_REUSEADDR = 2;
/** The type that the socket was made with. */
export const SO_TYPE = 3;
/** The pending error, which is cleared by reading it. */
export const SO_ERROR = 4;
/** The size of the receive buffer. */
export const SO_RCVBUF = 8;
/** The priority of what is sent. */
export const SO_PRIORITY = 12;
/** Binds an IP socket to an interface. */
export const SO_BINDTODEVICE = 25;
/** Attaches a classic BPF program. */
export const SO_ATTACH_FILTER = 26;
/** Gives the program that is attached: SO_ATTACH_FILTER's number, for getsockopt(2). */
export const SO_GET_FILTER = 26;
/** Takes the program away. */
export const SO_DETACH_FILTER = 27;
/** Pid, uid and gid of who made the other end. */
export const SO_PEERCRED = 17;
/** SO_RCVBUF beyond the limit, with CAP_NET_ADMIN. */
export const SO_RCVBUFFORCE = 33;
/** Attaches an eBPF program. */
export const SO_ATTACH_BPF = 50;
/** Has the kernel stamp what is received, in nanoseconds. */
export const SO_TIMESTAMPNS = 35;
/** The control message that carries the stamp. */
export const SCM_TIMESTAMPNS: number = SO_TIMESTAMPNS;
/** The mark of what is sent, for routing and filters. */
export const SO_MARK = 36;
/** The protocol that the socket was made with. */
export const SO_PROTOCOL = 38;
/** The domain that the socket was made with. */
export const SO_DOMAIN = 39;
/** Nobody can change the filter any more. */
export const SO_LOCK_FILTER = 44;
/** A number that no other socket of this boot has. */
export const SO_COOKIE = 57;

// bits/in.h, netinet/in.h
/** The level of options of IPv4: ip(7). */
export const IPPROTO_IP = 0;
/** UDP: udp(7). */
export const IPPROTO_UDP = 17;
/** Queues errors that come back by ICMP. */
export const IP_RECVERR = 11;
/** The interface by which multicast leaves. */
export const IP_MULTICAST_IF = 32;
/** How many hops it goes. */
export const IP_MULTICAST_TTL = 33;
/** Whether this machine gets it too. */
export const IP_MULTICAST_LOOP = 34;
/** Joins a multicast group. */
export const IP_ADD_MEMBERSHIP = 35;

// linux/if_packet.h
/** The level of options of packet sockets: packet(7). */
export const SOL_PACKET = 263; // linux/socket.h
/** `sll_pkttype` of a frame that this machine sends. */
export const PACKET_OUTGOING = 4;
/** Joins a group of link addresses, or promiscuous mode. */
export const PACKET_ADD_MEMBERSHIP = 1;
/** Leaves it. */
export const PACKET_DROP_MEMBERSHIP = 2;
/** A ring in memory for what is received. */
export const PACKET_RX_RING = 5;
/** Counts frames and drops since it was last read. */
export const PACKET_STATISTICS = 6;
/** Brings what lies beside a frame, such as its VLAN tag. */
export const PACKET_AUXDATA = 8;
/** Which layout the ring has. */
export const PACKET_VERSION = 10;
/** A ring in memory for what is sent. */
export const PACKET_TX_RING = 13;
/** A virtio header before each frame. */
export const PACKET_VNET_HDR = 15;
/** Where the ring's time stamps come from. */
export const PACKET_TIMESTAMP = 17;
/** Spreads frames over the sockets of a group. */
export const PACKET_FANOUT = 18;
/** Sends past the queueing discipline. */
export const PACKET_QDISC_BYPASS = 20;
/** The program of a fanout group. */
export const PACKET_FANOUT_DATA = 22;
/** Does without frames that this machine sends. */
export const PACKET_IGNORE_OUTGOING = 23;

/** To the member whose number is the processor's. */
export const PACKET_FANOUT_CPU = 2;
/** By what a classic BPF program says. */
export const PACKET_FANOUT_CBPF = 6;
/** With a mode: a group of its own, whose number the kernel chooses. */
export const PACKET_FANOUT_FLAG_UNIQUEID = 0x2000;
/** All frames that pass the interface. */
export const PACKET_MR_PROMISC = 1;

/** Rings of blocks with frames of any length. */
export const TPACKET_V3 = 2;
/** The block is the kernel's. */
export const TP_STATUS_KERNEL = 0;
/** A frame of a ring for sending: it is to be sent. */
export const TP_STATUS_SEND_REQUEST = 0x1;
/** The block is the program's. */
export const TP_STATUS_USER = 0x1;
/** Frames were dropped. */
export const TP_STATUS_LOSING = 0x4;
/** Its checksum is still to be computed, by whoever sends it on. */
export const TP_STATUS_CSUMNOTREADY = 0x8;
/** `tp_vlan_tci` says something. */
export const TP_STATUS_VLAN_VALID = 0x10;
/** The block was closed since its time was up. */
export const TP_STATUS_BLK_TMO = 0x20;
/** `tp_vlan_tpid` says something. */
export const TP_STATUS_VLAN_TPID_VALID = 0x40;

// linux/if_ether.h
/** The EtherType of IPv4. */
export const ETH_P_IP = 0x0800;
/** The EtherType of IPv6. */
export const ETH_P_IPV6 = 0x86dd;
/** Every EtherType, for packet sockets. */
export const ETH_P_ALL = 0x0003;
/** The EtherType of a VLAN tag. */
export const ETH_P_8021Q = 0x8100;
/** How many bytes an Ethernet address has. */
export const ETH_ALEN = 6;
/** How many bytes an Ethernet header has. */
export const ETH_HLEN = 14;

// linux/if.h
/** How many bytes an interface's name has, its NUL counted. */
export const IFNAMSIZ = 16;
/** The interface is up. */
export const IFF_UP = 0x1;
/** It is a loopback. */
export const IFF_LOOPBACK = 0x8;
/** It takes all frames. */
export const IFF_PROMISC = 0x100;
/** Its carrier is there. */
export const IFF_LOWER_UP = 0x10000;

// linux/rtnetlink.h, linux/if_link.h, linux/netlink.h
/** A message of rtnetlink(7): a link as it is. */
export const RTM_NEWLINK = 16;
/** Asks for a link. */
export const RTM_GETLINK = 18;
/** The message asks for something. */
export const NLM_F_REQUEST = 1;
/** The answer is an errno; 0 is an acknowledgement. */
export const NLMSG_ERROR = 2;
/** The link's hardware address. */
export const IFLA_ADDRESS = 1;
/** Its name. */
export const IFLA_IFNAME = 3;
/** The ifindex of its peer. */
export const IFLA_LINK = 5;
/** What kind of link it is, as attributes. */
export const IFLA_LINKINFO = 18;
/** How many want it promiscuous. */
export const IFLA_PROMISCUITY = 30;
/** The network namespace of its peer. */
export const IFLA_LINK_NETNSID = 37;
/** The kind, such as "veth". */
export const IFLA_INFO_KIND = 1;

// bits/poll.h
/** Something can be read: poll(2). */
export const POLLIN = 0x01;
/** Something can be written. */
export const POLLOUT = 0x04;
/** There is an error. */
export const POLLERR = 0x08;
/** The other end is gone. */
export const POLLHUP = 0x10;
/** The descriptor is not open. */
export const POLLNVAL = 0x20;
/** The other end writes no more. */
export const POLLRDHUP = 0x2000;

// bits/fcntl-linux.h (asm-generic/fcntl.h)
/** Opens for reading: open(2). */
export const O_RDONLY = 0;
/** Makes the file if it is not there. */
export const O_CREAT = 0x40;
/** Empties it. */
export const O_TRUNC = 0x200;
/** Opens for writing. */
export const O_WRONLY = 1;
/** The bits that say whether it is open for reading or writing. */
export const O_ACCMODE = 3;
/** A place in the file system, with which nothing can be read. */
export const O_PATH = 0x200000;
/** The descriptor is closed by execve(2). */
export const O_CLOEXEC = 0x80000;
/** Reads the flags of a descriptor: fcntl(2). */
export const F_GETFD = 1;
/** Sets them. */
export const F_SETFD = 2;
/** Reads the flags of the open file. */
export const F_GETFL = 3;
/** The descriptor is closed by execve(2). */
export const FD_CLOEXEC = 1;

// linux/fcntl.h, linux/memfd.h
/** Forbids changes of a memory file for good: memfd_create(2). */
export const F_ADD_SEALS = 1033;
/** No more seals. */
export const F_SEAL_SEAL = 0x1;
/** It cannot become shorter. */
export const F_SEAL_SHRINK = 0x2;
/** It cannot become longer. */
export const F_SEAL_GROW = 0x4;
/** The memory file's descriptor is closed by execve(2). */
export const MFD_CLOEXEC = 0x1;
/** Seals may be added. */
export const MFD_ALLOW_SEALING = 0x2;
/** Paths are of the working directory. */
export const AT_FDCWD: number = -100;
/** For linkat(2): what the symbolic link points to. */
export const AT_SYMLINK_FOLLOW = 0x400;

// linux/io_uring.h
/** A thread of the kernel's looks for submissions. */
export const IORING_SETUP_SQPOLL = 0x2;
/** The completion queue has a size of its own. */
export const IORING_SETUP_CQSIZE = 0x8;
/** Begins disabled, so that it can be restricted. */
export const IORING_SETUP_R_DISABLED = 0x40;
/** Lies in memory of the program's. */
export const IORING_SETUP_NO_MMAP = 0x4000;
/** Nothing. */
export const IORING_OP_NOP = 0;
/** Sendmsg(2). */
export const IORING_OP_SENDMSG = 9;
/** Recvmsg(2). */
export const IORING_OP_RECVMSG = 10;
/** Openat(2). */
export const IORING_OP_OPENAT = 18;
/** Read(2). */
export const IORING_OP_READ = 22;
/** Write(2). */
export const IORING_OP_WRITE = 23;
/** Send(2). */
export const IORING_OP_SEND = 26;
/** Recv(2). */
export const IORING_OP_RECV = 27;
/** Socket(2). */
export const IORING_OP_SOCKET = 45;
/** One submission, a completion for each message. */
export const IORING_RECV_MULTISHOT = 0x2;
/** `fd` is an index into the registered files. */
export const IOSQE_FIXED_FILE = 0x1;
/** The next submission waits for this one. */
export const IOSQE_IO_LINK = 0x4;
/** The kernel takes one of the provided buffers. */
export const IOSQE_BUFFER_SELECT = 0x20;
/** The completion names the buffer that it took. */
export const IORING_CQE_F_BUFFER = 0x1;
/** More completions of this submission will come. */
export const IORING_CQE_F_MORE = 0x2;
/** Where in `flags` the buffer's number begins. */
export const IORING_CQE_BUFFER_SHIFT = 16;
/** Completions wait in the kernel, since the queue is full. */
export const IORING_SQ_CQ_OVERFLOW = 0x2;
/** Waits for completions. */
export const IORING_ENTER_GETEVENTS = 0x1;
/** The descriptor is the number of a ring that the thread has registered. */
export const IORING_ENTER_REGISTERED_RING = 0x10;
/** Wakes the kernel's thread. */
export const IORING_ENTER_SQ_WAKEUP = 0x2;
/** The last argument is an `io_uring_getevents_arg`. */
export const IORING_ENTER_EXT_ARG = 0x8;
/** Registers files. */
export const IORING_REGISTER_FILES = 2;
/** Registers the credentials of this moment. */
export const IORING_REGISTER_PERSONALITY = 9;
/** Restricts a ring that is still disabled. */
export const IORING_REGISTER_RESTRICTIONS = 11;
/** Enables it. */
export const IORING_REGISTER_ENABLE_RINGS = 12;
/** Registers a ring of provided buffers. */
export const IORING_REGISTER_PBUF_RING = 22;
/** Cancels, and waits until that is done. */
export const IORING_REGISTER_SYNC_CANCEL = 24;
/** All that match. */
export const IORING_ASYNC_CANCEL_ALL = 0x1;
/** Whatever there is. */
export const IORING_ASYNC_CANCEL_ANY = 0x4;
/** Allows a kind of registration. */
export const IORING_RESTRICTION_REGISTER_OP = 0;
/** Allows a kind of submission. */
export const IORING_RESTRICTION_SQE_OP = 1;
/** Allows flags of submissions. */
export const IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2;
/** Demands flags of submissions. */
export const IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3;

// bits/mman-linux.h, bits/mman-map-flags-generic.h
/** Memory that can be read: mmap(2). */
export const PROT_READ = 1;
/** Memory that can be written. */
export const PROT_WRITE = 2;
/** Changes are seen by all who map it. */
export const MAP_SHARED = 0x01;
/** Changes are the program's own. */
export const MAP_PRIVATE = 0x02;
/** At this address, whatever was there. */
export const MAP_FIXED = 0x10;
/** No file behind it. */
export const MAP_ANONYMOUS = 0x20;

// linux/close_range.h
/** Marks descriptors close-on-exec instead of closing them. */
export const CLOSE_RANGE_CLOEXEC = 4;

// linux/capability.h
/** The version of capget(2) with 64 capabilities. */
export const _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
/** May send signals to any process: capabilities(7). */
export const CAP_KILL = 5;
/** May change its groups. */
export const CAP_SETGID = 6;
/** May change its user. */
export const CAP_SETUID = 7;
/** May change its bounding set. */
export const CAP_SETPCAP = 8;
/** May configure the network. */
export const CAP_NET_ADMIN = 12;
/** May make raw and packet sockets. */
export const CAP_NET_RAW = 13;
/** May trace any process. */
export const CAP_SYS_PTRACE = 19;

// linux/prctl.h
/** A signal when the parent ends: prctl(2). */
export const PR_SET_PDEATHSIG = 1;
/** Which one that is. */
export const PR_GET_PDEATHSIG = 2;
/** Whether others of its uid can look into the process. */
export const PR_GET_DUMPABLE = 3;
/** Sets that. */
export const PR_SET_DUMPABLE = 4;

// bits/resource.h
/** The longest file that may be written: getrlimit(2). */
export const RLIMIT_FSIZE = 1;
/** The longest core dump. */
export const RLIMIT_CORE = 4;
/** One more than the highest descriptor. */
export const RLIMIT_NOFILE = 7;

// asm-generic/signal.h
/** An instruction that there is none of. */
export const SIGILL = 4;
/** A breakpoint. */
export const SIGTRAP = 5;
/** Memory that is not there any more. */
export const SIGBUS = 7;
/** Arithmetic that cannot be done. */
export const SIGFPE = 8;
/** The signal that nobody can ignore. */
export const SIGKILL = 9;
/** Memory that may not be touched. */
export const SIGSEGV = 11;
/** A system call that a filter traps. */
export const SIGSYS = 31;

// bits/sigaction.h
/** Adds signals to those that a thread blocks: pthread_sigmask(3). */
export const SIG_BLOCK = 0;
/** Sets which ones it blocks. */
export const SIG_SETMASK = 2;

// bits/time.h
/** The time since 1970: clock_gettime(2). */
export const CLOCK_REALTIME = 0;

// linux/bpf_common.h, linux/filter.h
/** Loads into the accumulator. */
export const BPF_LD = 0x00;
/** Computes. */
export const BPF_ALU = 0x04;
/** Jumps. */
export const BPF_JMP = 0x05;
/** Returns. */
export const BPF_RET = 0x06;
/** A word of 32 bits. */
export const BPF_W = 0x00;
/** A half word. */
export const BPF_H = 0x08;
/** A byte. */
export const BPF_B = 0x10;
/** At an offset into the packet. */
export const BPF_ABS = 0x20;
/** `&`. */
export const BPF_AND = 0x50;
/** `*`. */
export const BPF_MUL = 0x20;
/** `>>>`. */
export const BPF_RSH = 0x70;
/** `%`. */
export const BPF_MOD = 0x90;
/** `^`. */
export const BPF_XOR = 0xa0;
/** If equal. */
export const BPF_JEQ = 0x10;
/** If greater or equal. */
export const BPF_JGE = 0x30;
/** If a bit is in both. */
export const BPF_JSET = 0x40;
/** Always. */
export const BPF_JA = 0x00;
/** The operand is the constant. */
export const BPF_K = 0x00;
/** The operand is the index register. */
export const BPF_X = 0x08;
/** Moves between registers. */
export const BPF_MISC = 0x07;
/** To the index register. */
export const BPF_TAX = 0x00;
/** The most instructions of a program. */
export const BPF_MAXINSNS = 4096;
/** Offsets from here on are into the network header. */
export const SKF_NET_OFF: number = -0x100000;
/** Offsets from here on are of what lies beside the packet. */
export const SKF_AD_OFF: number = -0x1000;
/** Its EtherType. */
export const SKF_AD_PROTOCOL = 0;
/** Its `sll_pkttype`. */
export const SKF_AD_PKTTYPE = 4;
/** The queue of the interface that it came by. */
export const SKF_AD_QUEUE = 24;
/** The processor that the program runs on. */
export const SKF_AD_CPU = 36;
/** Its VLAN tag. */
export const SKF_AD_VLAN_TAG = 44;
/** A random number. */
export const SKF_AD_RANDOM = 56;

// linux/bpf.h
/** For bpf(2): loads a program. */
export const BPF_PROG_LOAD = 5;
/** An eBPF program for SO_ATTACH_BPF. */
export const BPF_PROG_TYPE_SOCKET_FILTER = 1;

// linux/seccomp.h
/** For seccomp(2): puts a filter on. */
export const SECCOMP_SET_MODE_FILTER = 1;
/** On every thread. */
export const SECCOMP_FILTER_FLAG_TSYNC = 1;
/** Ends the process. */
export const SECCOMP_RET_KILL_PROCESS = 0x80000000;
/** Refuses the call with the errno in the lower 16 bits. */
export const SECCOMP_RET_ERRNO = 0x00050000;
/** Lets the call be made. */
export const SECCOMP_RET_ALLOW = 0x7fff0000;

// linux/audit.h
/** `arch` of `seccomp_data` on x86_64. */
export const AUDIT_ARCH_X86_64 = 0xc000003e;
/** `arch` of `seccomp_data` on aarch64. */
export const AUDIT_ARCH_AARCH64 = 0xc00000b7;

// sys/ptrace.h
/** Reads a word of the memory: ptrace(2). */
export const PTRACE_PEEKTEXT = 1;
/** Lets a thread that has stopped go on. */
export const PTRACE_CONT = 7;
/** Lets go. */
export const PTRACE_DETACH = 17;
/** Goes on to the next beginning or end of a system call. */
export const PTRACE_SYSCALL = 24;
/** Sets the options. */
export const PTRACE_SETOPTIONS = 0x4200;
/** Reads what is known of the signal of this stop. */
export const PTRACE_GETSIGINFO = 0x4202;
/** Reads a set of registers. */
export const PTRACE_GETREGSET = 0x4204;
/** Writes a set of registers. */
export const PTRACE_SETREGSET = 0x4205;
/** Attaches without a stop. */
export const PTRACE_SEIZE = 0x4206;
/** Stops. */
export const PTRACE_INTERRUPT = 0x4207;
/** Reads pending signals, and leaves them pending. */
export const PTRACE_PEEKSIGINFO = 0x4209;
/** Reads the mask of blocked signals. */
export const PTRACE_GETSIGMASK = 0x420a;
/** Writes the mask of blocked signals. */
export const PTRACE_SETSIGMASK = 0x420b;
/** Reads a filter. */
export const PTRACE_SECCOMP_GET_FILTER = 0x420c;
/** Reads which system call has begun, or how it has ended. */
export const PTRACE_GET_SYSCALL_INFO = 0x420e;
/** Option: a stop at a system call is told from a SIGTRAP. */
export const PTRACE_O_TRACESYSGOOD = 1;
/** Option: no filter is asked. */
export const PTRACE_O_SUSPEND_SECCOMP = 0x200000;
/** The stop that PTRACE_INTERRUPT leads to, or a stop of the whole process. */
export const PTRACE_EVENT_STOP = 128;
/** A system call has begun. */
export const PTRACE_SYSCALL_INFO_ENTRY = 1;
/** A system call has ended. */
export const PTRACE_SYSCALL_INFO_EXIT = 2;

// elf.h
/** The general registers, for PTRACE_GETREGSET. */
export const NT_PRSTATUS = 1;
/** The number of the system call that has begun, on aarch64. */
export const NT_ARM_SYSTEM_CALL = 0x404;

// sys/wait.h
/** For waitid(2): one process, by its pid. */
export const P_PID = 1;
/** Does not wait. */
export const WNOHANG = 1;
/** One that has stopped. */
export const WSTOPPED = 2;
/** One that has ended. */
export const WEXITED = 4;
/** Threads too. */
export const __WALL = 0x40000000;

// linux/kcmp.h
/** Compares two open file descriptions: kcmp(2). */
export const KCMP_FILE = 0;
/** Compares two tables of descriptors. */
export const KCMP_FILES = 2;

// linux/sockios.h
/** When the last packet came: ioctl(2) of sockets. */
export const SIOCGSTAMP_OLD = 0x8906;
/** Sets the flags of an interface. */
export const SIOCSIFFLAGS = 0x8914;

// linux/nsfs.h
/** The namespace that a namespace was made in: ioctl(2) of one in /proc/PID/ns. */
export const NS_GET_PARENT = 0xb702;

// bits/sched.h
/** A user namespace of its own: clone(2). */
export const CLONE_NEWUSER = 0x10000000;
/** A PID namespace of its own. */
export const CLONE_NEWPID = 0x20000000;
/** A thread of the same process. */
export const CLONE_THREAD = 0x10000;

// linux/prctl.h
/** The name of the thread: prctl(2). */
export const PR_SET_NAME = 15;
/** Whether a capability is in the bounding set. */
export const PR_CAPBSET_READ = 23;
/** Orphans below become its children. */
export const PR_SET_CHILD_SUBREAPER = 36;
/** Execve(2) gives no privilege any more. */
export const PR_SET_NO_NEW_PRIVS = 38;
/** Whether that is so. */
export const PR_GET_NO_NEW_PRIVS = 39;
/** Names memory. */
export const PR_SET_VMA = 0x53564d41;
