/**
 * Constants of the kernel and of glibc, by their C names, grouped by header.
 *
 * They are the same on x86_64 and aarch64, unless the docstring says otherwise. `tests/abi`
 * compares each with the value that a C compiler gives it.
 *
 * @module
 */

// bits/socket.h
/** No address family in particular. */
export const AF_UNSPEC = 0;
/** Local sockets: unix(7). */
export const AF_UNIX = 1;
/** IPv4 sockets: ip(7). */
export const AF_INET = 2;
/** IPv6: ipv6(7). */
export const AF_INET6 = 10;
/** Messages to and from the kernel: netlink(7). */
export const AF_NETLINK = 16;
/** Frames as on the wire: packet(7). */
export const AF_PACKET = 17;
/** Frames in shared memory: Documentation/networking/af_xdp.rst. */
export const AF_XDP = 44;
/** A stream of bytes. */
export const SOCK_STREAM = 1;
/** Datagrams. */
export const SOCK_DGRAM = 2;
/** Packets with their link headers. */
export const SOCK_RAW = 3;
/** Packets with their link headers, in the way of Linux 2.0. */
export const SOCK_PACKET = 10;
/** Datagrams over a connection, in sequence. */
export const SOCK_SEQPACKET = 5;
/** Packets, by an interface that packet(7) calls obsolete. */
/** Calls on the new socket never block. */
export const SOCK_NONBLOCK = 0x800;
/** The new socket is close-on-exec. */
export const SOCK_CLOEXEC = 0x80000;
/** Leaves the message in the queue, but installs copies of its descriptors. */
export const MSG_PEEK = 0x02;
/** Control data did not fit, or a descriptor could not be installed. */
export const MSG_CTRUNC = 0x08;
/** The message was longer than the buffer. */
export const MSG_TRUNC = 0x20;
/** This one call does not block. */
export const MSG_DONTWAIT = 0x40;
/** No SIGPIPE if the other end is closed. */
export const MSG_NOSIGNAL = 0x4000;
/** Received descriptors are close-on-exec. */
export const MSG_CMSG_CLOEXEC = 0x40000000;
/** The control message that carries descriptors: unix(7). */
export const SCM_RIGHTS = 1;
/** For shutdown(2): receives nothing more. */
export const SHUT_RD = 0;
/** For shutdown(2): sends nothing more. */
export const SHUT_WR = 1;
/** For shutdown(2): both directions. */
export const SHUT_RDWR = 2;

// include/net/scm.h of the kernel
/** The most descriptors that one SCM_RIGHTS message carries. */
export const SCM_MAX_FD = 253;

// asm-generic/socket.h
/** The level of options common to all sockets: socket(7). */
export const SOL_SOCKET = 1;
/** Allows binding to an address that was in use just now. */
export const SO_REUSEADDR = 2;
/** The type of the socket, such as SOCK_RAW. */
export const SO_TYPE = 3;
/** The pending error; reading clears it. */
export const SO_ERROR = 4;
/** The size of the receive buffer. */
export const SO_RCVBUF = 8;
/** The priority of sent packets. */
export const SO_PRIORITY = 12;
/** Attaches the credentials of the sender to each message: unix(7). */
export const SO_PASSCRED = 16;
/** Binds an IP socket to an interface. */
export const SO_BINDTODEVICE = 25;
/** Attaches a classic BPF program. */
export const SO_ATTACH_FILTER = 26;
/** For getsockopt(2): reads the attached program. The same number as SO_ATTACH_FILTER. */
export const SO_GET_FILTER = 26;
/** Detaches the attached program. */
export const SO_DETACH_FILTER = 27;
/** Pid, uid and gid of the process that created the other end. */
export const SO_PEERCRED = 17;
/** The receive timeout, a `timeval`. */
export const SO_RCVTIMEO = 20;
/** Time stamps on received packets, in microseconds. */
export const SO_TIMESTAMP = 29;
/** SO_RCVBUF beyond the limit, with CAP_NET_ADMIN. */
export const SO_RCVBUFFORCE = 33;
/** Attaches an eBPF program. */
export const SO_ATTACH_BPF = 50;
/** Time stamps on received packets, in nanoseconds. */
export const SO_TIMESTAMPNS = 35;
/** Time stamps on received packets in several ways, as flags. */
export const SO_TIMESTAMPING = 37;
/** The control message that carries the time stamp. */
export const SCM_TIMESTAMPNS: number = SO_TIMESTAMPNS;
/** The mark of sent packets, for routing and filters. */
export const SO_MARK = 36;
/** The protocol of the socket. */
export const SO_PROTOCOL = 38;
/** The domain of the socket, such as AF_PACKET. */
export const SO_DOMAIN = 39;
/** Locks the filter: it can no longer be changed. */
export const SO_LOCK_FILTER = 44;
/** A number that is unique among the sockets of this boot. */
export const SO_COOKIE = 57;
/** {@linkcode SO_TIMESTAMP} with 64-bit seconds. */
export const SO_TIMESTAMP_NEW = 63;
/** {@linkcode SO_TIMESTAMPNS} with 64-bit seconds. */
export const SO_TIMESTAMPNS_NEW = 64;
/** {@linkcode SO_TIMESTAMPING} with 64-bit seconds. */
export const SO_TIMESTAMPING_NEW = 65;

// bits/in.h, netinet/in.h
/** The level of IPv4 options: ip(7). */
export const IPPROTO_IP = 0;
/** IGMP, RFC 3376. */
export const IPPROTO_IGMP = 2;
/** TCP: tcp(7). */
export const IPPROTO_TCP = 6;
/** UDP: udp(7). */
export const IPPROTO_UDP = 17;
/** Whether packets may be fragmented. */
export const IP_MTU_DISCOVER = 10;
/** Never: a packet that is too long is refused with EMSGSIZE. */
export const IP_PMTUDISC_DO = 2;
/** Queues ICMP errors. */
export const IP_RECVERR = 11;
/** The longest packet to the peer of a connected socket. */
export const IP_MTU = 14;
/** The interface for outgoing multicast. */
export const IP_MULTICAST_IF = 32;
/** The TTL of outgoing multicast. */
export const IP_MULTICAST_TTL = 33;
/** Whether this machine receives its own multicast. */
export const IP_MULTICAST_LOOP = 34;
/** Joins a multicast group. */
export const IP_ADD_MEMBERSHIP = 35;
/** Joins a multicast group for one source. */
export const MCAST_JOIN_SOURCE_GROUP = 46;

// linux/if_packet.h
/** The level of packet socket options: packet(7). */
export const SOL_PACKET = 263; // linux/socket.h
/** `sll_pkttype` of a frame sent by this machine. */
export const PACKET_OUTGOING = 4;
/** Joins a group of link addresses, or promiscuous mode. */
export const PACKET_ADD_MEMBERSHIP = 1;
/** Leaves the group or the mode. */
export const PACKET_DROP_MEMBERSHIP = 2;
/** A ring in memory for received frames. */
export const PACKET_RX_RING = 5;
/** The counts of frames and drops since the last read. */
export const PACKET_STATISTICS = 6;
/** Metadata of each frame, such as its VLAN tag, in a control message. */
export const PACKET_AUXDATA = 8;
/** The layout of the ring, such as TPACKET_V3. */
export const PACKET_VERSION = 10;
/** A ring in memory for frames to send. */
export const PACKET_TX_RING = 13;
/** A virtio header before each frame. */
export const PACKET_VNET_HDR = 15;
/** The clock of the ring's time stamps. */
export const PACKET_TIMESTAMP = 17;
/** Spreads frames over the sockets of a group. */
export const PACKET_FANOUT = 18;
/** Bypasses the queueing discipline when sending. */
export const PACKET_QDISC_BYPASS = 20;
/** The program of a fanout group. */
export const PACKET_FANOUT_DATA = 22;
/** Ignores frames sent by this machine. */
export const PACKET_IGNORE_OUTGOING = 23;

/** Fanout mode: the member is chosen by a hash over the flow. */
export const PACKET_FANOUT_HASH = 0;
/** Fanout mode: the members take turns. */
export const PACKET_FANOUT_LB = 1;
/** Fanout mode: the member is chosen by the processor. */
export const PACKET_FANOUT_CPU = 2;
/** Fanout mode: the next member, when one is full. */
export const PACKET_FANOUT_ROLLOVER = 3;
/** Fanout mode: the member is chosen at random. */
export const PACKET_FANOUT_RND = 4;
/** Fanout mode: the member is chosen by the receive queue of the interface. */
export const PACKET_FANOUT_QM = 5;
/** Fanout mode: the member is chosen by a classic BPF program. */
export const PACKET_FANOUT_CBPF = 6;
/** Fanout mode: the member is chosen by an extended BPF program. */
export const PACKET_FANOUT_EBPF = 7;
/** Fanout flag: a full member passes its frames on to another one. */
export const PACKET_FANOUT_FLAG_ROLLOVER = 0x1000;
/** Fanout flag: a new group, whose id the kernel chooses. */
export const PACKET_FANOUT_FLAG_UNIQUEID = 0x2000;
/** Membership: the frames of a group of link addresses. */
export const PACKET_MR_MULTICAST = 0;
/** Membership: promiscuous mode. */
export const PACKET_MR_PROMISC = 1;
/** Membership: the frames of every group. */
export const PACKET_MR_ALLMULTI = 2;
/** Membership: the frames for one more address. */
export const PACKET_MR_UNICAST = 3;

// linux/sock_diag.h, linux/packet_diag.h
/** A request for the sockets of a family, and each message of the reply: sock_diag(7). */
export const SOCK_DIAG_BY_FAMILY = 20;
/** Shows the settings of each packet socket. */
export const PACKET_SHOW_INFO = 0x01;
/** Shows its memberships. */
export const PACKET_SHOW_MCLIST = 0x02;
/** Shows its rings. */
export const PACKET_SHOW_RING_CFG = 0x04;
/** Shows its fanout group. */
export const PACKET_SHOW_FANOUT = 0x08;
/** Shows the memory of its queues. */
export const PACKET_SHOW_MEMINFO = 0x10;
/** Shows its filter. */
export const PACKET_SHOW_FILTER = 0x20;
/** The settings, a `packet_diag_info`. */
export const PACKET_DIAG_INFO = 0;
/** The memberships, an array of `packet_diag_mclist`. */
export const PACKET_DIAG_MCLIST = 1;
/** The ring for received frames, a `packet_diag_ring`. */
export const PACKET_DIAG_RX_RING = 2;
/** The ring for frames to send, a `packet_diag_ring`. */
export const PACKET_DIAG_TX_RING = 3;
/** The number of the fanout group, and its mode 16 bits above. */
export const PACKET_DIAG_FANOUT = 4;
/** The uid of the socket's creator. */
export const PACKET_DIAG_UID = 5;
/** The memory of the queues, an array of `u32` by `SK_MEMINFO_…`. */
export const PACKET_DIAG_MEMINFO = 6;
/** The filter, an array of `sock_filter`. */
export const PACKET_DIAG_FILTER = 7;
/** In PACKET_DIAG_MEMINFO: the memory of the receive queue, in bytes. */
export const SK_MEMINFO_RMEM_ALLOC = 0;
/** In PACKET_DIAG_MEMINFO: the frames that were dropped for lack of memory. */
export const SK_MEMINFO_DROPS = 8;
/** The number of entries of PACKET_DIAG_MEMINFO. */
export const SK_MEMINFO_VARS = 9;

// linux/virtio_net.h
/** `flags`: the checksum of the packet is not yet computed. */
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
/** `gso_type`: an ordinary frame. */
export const VIRTIO_NET_HDR_GSO_NONE = 0;
/** `gso_type`: a UDP datagram, to be sent as fragments of IPv4. */
export const VIRTIO_NET_HDR_GSO_UDP = 3;
/** `gso_type`: UDP datagrams, joined into one. */
export const VIRTIO_NET_HDR_GSO_UDP_L4 = 5;

/** A ring of blocks that hold frames of any length. */
export const TPACKET_V3 = 2;
/** The kernel owns the block. */
export const TP_STATUS_KERNEL = 0;
/** In a ring for sending: the frame is to be sent. */
export const TP_STATUS_SEND_REQUEST = 0x1;
/** The program owns the block. */
export const TP_STATUS_USER = 0x1;
/** Frames were dropped. */
export const TP_STATUS_LOSING = 0x4;
/** The checksum of the frame is not yet computed. */
export const TP_STATUS_CSUMNOTREADY = 0x8;
/** `tp_vlan_tci` is valid. */
export const TP_STATUS_VLAN_VALID = 0x10;
/** The block was closed by its timeout. */
export const TP_STATUS_BLK_TMO = 0x20;
/** `tp_vlan_tpid` is valid. */
export const TP_STATUS_VLAN_TPID_VALID = 0x40;

// linux/if_ether.h
/** The EtherType of IPv4. */
export const ETH_P_IP = 0x0800;
/** The EtherType of IPv6. */
export const ETH_P_IPV6 = 0x86dd;
/** The EtherType of ARP. */
export const ETH_P_ARP = 0x0806;
/** Every EtherType, for packet sockets. */
export const ETH_P_ALL = 0x0003;
/** The EtherType of a VLAN tag. */
export const ETH_P_8021Q = 0x8100;
/** The EtherType of a service tag, outside a VLAN tag: IEEE 802.1ad. */
export const ETH_P_8021AD = 0x88a8;
/** The size of an Ethernet address, in bytes. */
export const ETH_ALEN = 6;
/** The size of an Ethernet header, in bytes. */
export const ETH_HLEN = 14;

// linux/if.h
/** The size of an interface's name, in bytes, with its NUL. */
export const IFNAMSIZ = 16;
/** The size of an alternative name of an interface, in bytes, with its NUL. */
export const ALTIFNAMSIZ = 128;
/** The interface is up. */
export const IFF_UP = 0x1;
/** The interface is a loopback. */
export const IFF_LOOPBACK = 0x8;
/** The interface is promiscuous. */
export const IFF_PROMISC = 0x100;
/** The interface has a carrier. */
export const IFF_LOWER_UP = 0x10000;

// linux/if_arp.h
/** The type of an Ethernet interface. */
export const ARPHRD_ETHER = 1;
/** The type of an interface whose frames are IP packets, such as a mobile modem. */
export const ARPHRD_RAWIP = 519;
/** The type of a loopback. */
export const ARPHRD_LOOPBACK = 772;
/** The type of an interface without a link-layer header, such as a tun. */
export const ARPHRD_NONE = 0xfffe;

// linux/rtnetlink.h, linux/if_link.h, linux/netlink.h
/** A message of rtnetlink(7) that describes a link. */
export const RTM_NEWLINK = 16;
/** A link is gone from this network namespace; or, with a family, from a bridge. */
export const RTM_DELLINK = 17;
/** Requests a link. */
export const RTM_GETLINK = 18;
/** Changes a link. */
export const RTM_SETLINK = 19;
/** The multicast group of the messages about links, as a bit of `nl_groups`. */
export const RTMGRP_LINK = 1;
/** The message is a request. */
export const NLM_F_REQUEST = 1;
/** The request wants an acknowledgement. */
export const NLM_F_ACK = 4;
/** The request wants every object, each in a message of its own. */
export const NLM_F_DUMP = 0x300;
/** Netlink messages begin at a multiple of this. */
export const NLMSG_ALIGNTO = 4;
/** Attributes of a message begin at a multiple of this. */
export const RTA_ALIGNTO = 4;
/** The type of an attribute without its two flags. */
export const NLA_TYPE_MASK: number = ~0xc000;
/** The reply is an errno; 0 acknowledges. */
export const NLMSG_ERROR = 2;
/** The end of a dump. */
export const NLMSG_DONE = 3;
/** The protocol of netlink(7) that reports sockets: sock_diag(7). */
export const NETLINK_SOCK_DIAG = 4;
/** The link's hardware address. */
export const IFLA_ADDRESS = 1;
/** The link's name. */
export const IFLA_IFNAME = 3;
/** The link's MTU. */
export const IFLA_MTU = 4;
/** The ifindex of the link's peer. */
export const IFLA_LINK = 5;
/** The ifindex of the bridge, bond or team that the link is a port of. */
export const IFLA_MASTER = 10;
/** The kind of link, as nested attributes. */
export const IFLA_LINKINFO = 18;
/** Settings of the link by address family, as nested attributes. */
export const IFLA_AF_SPEC = 26;
/** The number of users that want the link promiscuous. */
export const IFLA_PROMISCUITY = 30;
/** The network namespace of the link's peer. */
export const IFLA_LINK_NETNSID = 37;
/** The network namespace that the link has moved to, by its id in this one. */
export const IFLA_NEW_NETNSID = 45;
/** How often the link has lost its carrier. */
export const IFLA_CARRIER_DOWN_COUNT = 48;
/** The ifindex of the link in the network namespace that it has moved to. */
export const IFLA_NEW_IFINDEX = 49;
/** The link's alternative names, as nested attributes. */
export const IFLA_PROP_LIST = 52;
/** An alternative name, of up to 127 bytes. */
export const IFLA_ALT_IFNAME = 53;
/** The kind, such as "veth". */
export const IFLA_INFO_KIND = 1;
/** The settings of IPv4, an attribute each or, when the kernel reports them, an array of `int`. */
export const IFLA_INET_CONF = 1;

// linux/ip.h
/** Reverse path filtering: 0 off, 1 strict, 2 loose. */
export const IPV4_DEVCONF_RP_FILTER = 8;

// bits/poll.h
/** Readable: poll(2). */
export const POLLIN = 0x01;
/** Writable. */
export const POLLOUT = 0x04;
/** An error is pending. */
export const POLLERR = 0x08;
/** The other end is closed. */
export const POLLHUP = 0x10;
/** The descriptor is not open. */
export const POLLNVAL = 0x20;
/** The other end has shut down writing. */
export const POLLRDHUP = 0x2000;

// bits/fcntl-linux.h (asm-generic/fcntl.h)
/** Opens for reading: open(2). */
export const O_RDONLY = 0;
/** Creates the file if it does not exist. */
export const O_CREAT = 0x40;
/** With O_CREAT: fails if the file exists. */
export const O_EXCL = 0x80;
/** Truncates the file. */
export const O_TRUNC = 0x200;
/** Opens for writing. */
export const O_WRONLY = 1;
/** Opens for reading and writing. */
export const O_RDWR = 2;
/** The mask of the access mode: reading, writing or both. */
export const O_ACCMODE = 3;
/** A location in the file system, which can be neither read nor written. */
export const O_PATH = 0x200000;
/** The descriptor is close-on-exec. */
export const O_CLOEXEC = 0x80000;
/** Duplicates a descriptor to the lowest free number from the argument up: fcntl(2). */
export const F_DUPFD = 0;
/** The same, and the duplicate is close-on-exec. */
export const F_DUPFD_CLOEXEC = 1030;
/** Reads the descriptor flags. */
export const F_GETFD = 1;
/** Sets the descriptor flags. */
export const F_SETFD = 2;
/** Reads the file status flags. */
export const F_GETFL = 3;
/** The descriptor is close-on-exec. */
export const FD_CLOEXEC = 1;

// linux/fcntl.h, linux/memfd.h
/** Adds seals to a memory file: memfd_create(2). They cannot be removed. */
export const F_ADD_SEALS = 1033;
/** No further seals can be added. */
export const F_SEAL_SEAL = 0x1;
/** The file cannot shrink. */
export const F_SEAL_SHRINK = 0x2;
/** The file cannot grow. */
export const F_SEAL_GROW = 0x4;
/** The file cannot be written to. */
export const F_SEAL_WRITE = 0x8;
/** The memory file's descriptor is close-on-exec. */
export const MFD_CLOEXEC = 0x1;
/** Seals may be added. */
export const MFD_ALLOW_SEALING = 0x2;
/** Relative paths start at the working directory. */
export const AT_FDCWD: number = -100;
/** For linkat(2): follows the symbolic link. */
export const AT_SYMLINK_FOLLOW = 0x400;
/** For execveat(2): an empty path stands for the descriptor itself. */
export const AT_EMPTY_PATH = 0x1000;
/**
 * Opens a file without a name: open(2). It includes O_DIRECTORY, which differs between the
 * architectures.
 */
export const O_TMPFILE: number = Deno.build.arch === "aarch64" ? 0x404000 : 0x410000;

// stdio.h
/** For lseek(2): the offset is from the end of the file. */
export const SEEK_END = 2;

// linux/io_uring.h
/** A kernel thread polls for submissions. */
export const IORING_SETUP_SQPOLL = 0x2;
/** The size of the completion queue is given. */
export const IORING_SETUP_CQSIZE = 0x8;
/** The ring starts disabled, so that it can be restricted. */
export const IORING_SETUP_R_DISABLED = 0x40;
/** The ring lies in memory that the program provides. */
export const IORING_SETUP_NO_MMAP = 0x4000;
/** No operation. */
export const IORING_OP_NOP = 0;
/** sendmsg(2). */
export const IORING_OP_SENDMSG = 9;
/** recvmsg(2). */
export const IORING_OP_RECVMSG = 10;
/** openat(2). */
export const IORING_OP_OPENAT = 18;
/** read(2). */
export const IORING_OP_READ = 22;
/** write(2). */
export const IORING_OP_WRITE = 23;
/** send(2). */
export const IORING_OP_SEND = 26;
/** recv(2). */
export const IORING_OP_RECV = 27;
/** socket(2). */
export const IORING_OP_SOCKET = 45;
/** One submission yields a completion for each message. */
export const IORING_RECV_MULTISHOT = 0x2;
/** `fd` is an index into the registered files. */
export const IOSQE_FIXED_FILE = 0x1;
/** The next submission starts after this one. */
export const IOSQE_IO_LINK = 0x4;
/** The kernel picks one of the provided buffers. */
export const IOSQE_BUFFER_SELECT = 0x20;
/** The completion names the buffer that was picked. */
export const IORING_CQE_F_BUFFER = 0x1;
/** More completions of this submission will follow. */
export const IORING_CQE_F_MORE = 0x2;
/** The shift of the buffer's number in `flags`. */
export const IORING_CQE_BUFFER_SHIFT = 16;
/** The queue is full, and completions wait in the kernel. */
export const IORING_SQ_CQ_OVERFLOW = 0x2;
/** Waits for completions. */
export const IORING_ENTER_GETEVENTS = 0x1;
/** The descriptor is an index into the rings that the thread registered. */
export const IORING_ENTER_REGISTERED_RING = 0x10;
/** Wakes the kernel thread. */
export const IORING_ENTER_SQ_WAKEUP = 0x2;
/** The last argument is an `io_uring_getevents_arg`. */
export const IORING_ENTER_EXT_ARG = 0x8;
/** Registers files. */
export const IORING_REGISTER_FILES = 2;
/** Registers the current credentials. */
export const IORING_REGISTER_PERSONALITY = 9;
/** Restricts a ring that is still disabled. */
export const IORING_REGISTER_RESTRICTIONS = 11;
/** Enables a disabled ring. */
export const IORING_REGISTER_ENABLE_RINGS = 12;
/** Registers the descriptors of rings, for the calling thread. */
export const IORING_REGISTER_RING_FDS = 20;
/** Registers a ring of provided buffers. */
export const IORING_REGISTER_PBUF_RING = 22;
/** Cancels submissions, and waits until that is done. */
export const IORING_REGISTER_SYNC_CANCEL = 24;
/** Cancels all submissions that match, not only the first. */
export const IORING_ASYNC_CANCEL_ALL = 0x1;
/** Every submission matches. */
export const IORING_ASYNC_CANCEL_ANY = 0x4;
/** Allows a kind of registration. */
export const IORING_RESTRICTION_REGISTER_OP = 0;
/** Allows a kind of submission. */
export const IORING_RESTRICTION_SQE_OP = 1;
/** Allows flags of submissions. */
export const IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2;
/** Requires flags of submissions. */
export const IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3;

// bits/mman-linux.h, bits/mman-map-flags-generic.h
/** Memory that cannot be accessed: mmap(2). */
export const PROT_NONE = 0;
/** Memory that can be read: mmap(2). */
export const PROT_READ = 1;
/** Memory that can be written. */
export const PROT_WRITE = 2;
/** Code that can be executed. */
export const PROT_EXEC = 4;
/** Changes are shared with other mappings. */
export const MAP_SHARED = 0x01;
/** Changes are private to this mapping. */
export const MAP_PRIVATE = 0x02;
/** Maps at exactly this address, and replaces an existing mapping. */
export const MAP_FIXED = 0x10;
/** The mapping has no file. */
export const MAP_ANONYMOUS = 0x20;

// linux/close_range.h
/** Marks descriptors close-on-exec instead of closing them. */
export const CLOSE_RANGE_CLOEXEC = 4;

// linux/capability.h
/** The version of capget(2) that has 64 capabilities. */
export const _LINUX_CAPABILITY_VERSION_3 = 0x20080522;
/** Overrides the permissions of files and folders: capabilities(7). */
export const CAP_DAC_OVERRIDE = 1;
/** Overrides the permissions to read files, and to read and search folders. */
export const CAP_DAC_READ_SEARCH = 2;
/** Allows signals to any process. */
export const CAP_KILL = 5;
/** Allows changes of the gids and groups. */
export const CAP_SETGID = 6;
/** Allows changes of the uids. */
export const CAP_SETUID = 7;
/** Allows changes of the bounding set. */
export const CAP_SETPCAP = 8;
/** Allows configuring the network. */
export const CAP_NET_ADMIN = 12;
/** Allows raw and packet sockets. */
export const CAP_NET_RAW = 13;
/** Allows tracing any process. */
export const CAP_SYS_PTRACE = 19;
/** Allows most of what root alone may do. */
export const CAP_SYS_ADMIN = 21;
/** Allows loading eBPF programs. */
export const CAP_BPF = 39;

// linux/prctl.h
/** Sets the signal that the process gets when its parent ends: prctl(2). */
export const PR_SET_PDEATHSIG = 1;
/** Reads the signal that PR_SET_PDEATHSIG has set. */
export const PR_GET_PDEATHSIG = 2;
/** Reads whether other processes of its uid may inspect the process. */
export const PR_GET_DUMPABLE = 3;
/** Sets whether other processes of its uid may inspect the process. */
export const PR_SET_DUMPABLE = 4;

// bits/resource.h
/** The largest file that may be written: getrlimit(2). */
export const RLIMIT_FSIZE = 1;
/** The largest core dump. */
export const RLIMIT_CORE = 4;
/** One more than the highest descriptor. */
export const RLIMIT_NOFILE = 7;
/** The most memory that may be locked, in bytes. */
export const RLIMIT_MEMLOCK = 8;

// asm-generic/signal.h
/** An illegal instruction. */
export const SIGILL = 4;
/** A breakpoint. */
export const SIGTRAP = 5;
/** An access to memory that no longer exists. */
export const SIGBUS = 7;
/** An arithmetic error. */
export const SIGFPE = 8;
/** Kills; cannot be ignored. */
export const SIGKILL = 9;
/** An invalid access to memory. */
export const SIGSEGV = 11;
/** A child has ended or stopped. */
export const SIGCHLD = 17;
/** A trapped system call. */
export const SIGSYS = 31;

// asm-generic/siginfo.h
/** `si_code` of SIGSYS: a filter of system calls. */
export const SYS_SECCOMP = 1;
/** `si_code` of SIGSYS: PR_SET_SYSCALL_USER_DISPATCH. */
export const SYS_USER_DISPATCH = 2;

// bits/sigaction.h
/** Restarts a system call that the handler interrupts: sigaction(2). */
export const SA_RESTART = 0x10000000;
/** Adds to the signals that a thread blocks: pthread_sigmask(3). */
export const SIG_BLOCK = 0;
/** Removes from the signals that a thread blocks. */
export const SIG_UNBLOCK = 1;
/** Replaces the signals that a thread blocks. */
export const SIG_SETMASK = 2;

// bits/time.h
/** The time since 1970: clock_gettime(2). */
export const CLOCK_REALTIME = 0;

// linux/bpf_common.h, linux/filter.h
/** Loads into the accumulator. */
export const BPF_LD = 0x00;
/** Loads into the index register. */
export const BPF_LDX = 0x01;
/** Stores the accumulator in a cell of memory. */
export const BPF_ST = 0x02;
/** Stores the index register in a cell of memory. */
export const BPF_STX = 0x03;
/** Computes with the accumulator. */
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
/** At an offset from the index register. */
export const BPF_IND = 0x40;
/** The constant. */
export const BPF_IMM = 0x00;
/** A cell of memory. */
export const BPF_MEM = 0x60;
/** The length of the packet. */
export const BPF_LEN = 0x80;
/** The length of an IPv4 header at an offset. */
export const BPF_MSH = 0xa0;
/** `+`. */
export const BPF_ADD = 0x00;
/** `-`. */
export const BPF_SUB = 0x10;
/** `/`. */
export const BPF_DIV = 0x30;
/** `|`. */
export const BPF_OR = 0x40;
/** `<<`. */
export const BPF_LSH = 0x60;
/** `-` of the accumulator. */
export const BPF_NEG = 0x80;
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
/** If greater. */
export const BPF_JGT = 0x20;
/** If greater or equal. */
export const BPF_JGE = 0x30;
/** If a bit is set in both. */
export const BPF_JSET = 0x40;
/** Always. */
export const BPF_JA = 0x00;
/** The operand is the constant. */
export const BPF_K = 0x00;
/** The operand is the index register. */
export const BPF_X = 0x08;
/** The operand of a return is the accumulator. */
export const BPF_A = 0x10;
/** Copies between the registers. */
export const BPF_MISC = 0x07;
/** From the accumulator to the index register. */
export const BPF_TAX = 0x00;
/** From the index register to the accumulator. */
export const BPF_TXA = 0x80;
/** The largest number of instructions in a program. */
export const BPF_MAXINSNS = 4096;
/** The number of cells of memory. */
export const BPF_MEMWORDS = 16;
/** The base of offsets into the network header. */
export const SKF_NET_OFF: number = -0x100000;
/** The base of offsets into the link-layer header. */
export const SKF_LL_OFF: number = -0x200000;
/** The base of offsets into the packet's metadata. */
export const SKF_AD_OFF: number = -0x1000;
/** Metadata: the packet's EtherType. */
export const SKF_AD_PROTOCOL = 0;
/** Metadata: the packet's `sll_pkttype`. */
export const SKF_AD_PKTTYPE = 4;
/** Metadata: the index of the interface. */
export const SKF_AD_IFINDEX = 8;
/** Metadata: finds a Netlink attribute. */
export const SKF_AD_NLATTR = 12;
/** Metadata: finds a nested Netlink attribute. */
export const SKF_AD_NLATTR_NEST = 16;
/** Metadata: the packet's mark. */
export const SKF_AD_MARK = 20;
/** Metadata: the receive queue of the interface. */
export const SKF_AD_QUEUE = 24;
/** Metadata: the ARPHRD_ type of the interface. */
export const SKF_AD_HATYPE = 28;
/** Metadata: the hash of the packet's flow. */
export const SKF_AD_RXHASH = 32;
/** Metadata: the processor on which the program runs. */
export const SKF_AD_CPU = 36;
/** No metadata: `A ^ X`. */
export const SKF_AD_ALU_XOR_X = 40;
/** Metadata: the packet's VLAN tag. */
export const SKF_AD_VLAN_TAG = 44;
/** Metadata: whether the packet has a VLAN tag. */
export const SKF_AD_VLAN_TAG_PRESENT = 48;
/** Metadata: the offset of the payload. */
export const SKF_AD_PAY_OFFSET = 52;
/** Metadata: a random number. */
export const SKF_AD_RANDOM = 56;
/** Metadata: the EtherType of the VLAN tag. */
export const SKF_AD_VLAN_TPID = 60;

// linux/bpf.h
/** For bpf(2): loads a program. */
export const BPF_PROG_LOAD = 5;
/** An eBPF program for SO_ATTACH_BPF. */
export const BPF_PROG_TYPE_SOCKET_FILTER = 1;

// linux/seccomp.h
/** For seccomp(2): installs a filter. */
export const SECCOMP_SET_MODE_FILTER = 1;
/** Installs the filter on every thread. */
export const SECCOMP_FILTER_FLAG_TSYNC = 1;
/** Returns a descriptor by which another process decides calls: seccomp_unotify(2). */
export const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
/** Kills the process. */
export const SECCOMP_RET_KILL_PROCESS = 0x80000000;
/** Kills the thread. */
export const SECCOMP_RET_KILL_THREAD = 0x00000000;
/** Sends SIGSYS to the thread instead. */
export const SECCOMP_RET_TRAP = 0x00030000;
/** Refuses the call with the errno in the lower 16 bits. */
export const SECCOMP_RET_ERRNO = 0x00050000;
/** Asks another process by a descriptor: seccomp_unotify(2). */
export const SECCOMP_RET_USER_NOTIF = 0x7fc00000;
/** Asks the tracer. */
export const SECCOMP_RET_TRACE = 0x7ff00000;
/** Allows the call, and logs it. */
export const SECCOMP_RET_LOG = 0x7ffc0000;
/** Allows the call. */
export const SECCOMP_RET_ALLOW = 0x7fff0000;
/** The bits of a result that are its action. */
export const SECCOMP_RET_ACTION_FULL = 0xffff0000;
/** The bits of a result that are its data, such as the errno. */
export const SECCOMP_RET_DATA = 0x0000ffff;

// linux/audit.h
/** `arch` of `seccomp_data` on x86_64. */
export const AUDIT_ARCH_X86_64 = 0xc000003e;
/** `arch` of `seccomp_data` on aarch64. */
export const AUDIT_ARCH_AARCH64 = 0xc00000b7;

// sys/ptrace.h
/** Makes the parent the tracer: ptrace(2). */
export const PTRACE_TRACEME = 0;
/** Reads a word of memory. */
export const PTRACE_PEEKTEXT = 1;
/** Continues a stopped thread. */
export const PTRACE_CONT = 7;
/** Detaches from the thread, and continues it. */
export const PTRACE_DETACH = 17;
/** Continues to the next entry to or exit from a system call. */
export const PTRACE_SYSCALL = 24;
/** Sets the options of tracing. */
export const PTRACE_SETOPTIONS = 0x4200;
/** Reads the siginfo of the signal that stopped the thread. */
export const PTRACE_GETSIGINFO = 0x4202;
/** Reads a set of registers. */
export const PTRACE_GETREGSET = 0x4204;
/** Writes a set of registers. */
export const PTRACE_SETREGSET = 0x4205;
/** Attaches without stopping the thread. */
export const PTRACE_SEIZE = 0x4206;
/** Stops the thread. */
export const PTRACE_INTERRUPT = 0x4207;
/** Reads pending signals, which stay pending. */
export const PTRACE_PEEKSIGINFO = 0x4209;
/** Reads the mask of blocked signals. */
export const PTRACE_GETSIGMASK = 0x420a;
/** Writes the mask of blocked signals. */
export const PTRACE_SETSIGMASK = 0x420b;
/** Reads a seccomp filter. */
export const PTRACE_SECCOMP_GET_FILTER = 0x420c;
/** Reads the number and arguments of a system call, or its result. */
export const PTRACE_GET_SYSCALL_INFO = 0x420e;
/** Option: marks stops at system calls, unlike other SIGTRAPs. */
export const PTRACE_O_TRACESYSGOOD = 1;
/** Option: suspends seccomp filters. */
export const PTRACE_O_SUSPEND_SECCOMP = 0x200000;
/** A stop by PTRACE_INTERRUPT, or of the whole process. */
export const PTRACE_EVENT_STOP = 128;
/** The thread entered a system call. */
export const PTRACE_SYSCALL_INFO_ENTRY = 1;
/** The thread left a system call. */
export const PTRACE_SYSCALL_INFO_EXIT = 2;

// elf.h
/** The general registers, for PTRACE_GETREGSET. */
export const NT_PRSTATUS = 1;
/** The number of the current system call, on aarch64. */
export const NT_ARM_SYSTEM_CALL = 0x404;

// sys/wait.h
/** For waitid(2): one process, by its pid. */
export const P_PID = 1;
/** Does not block. */
export const WNOHANG = 1;
/** Reports stopped children. */
export const WSTOPPED = 2;
/** Reports ended children. */
export const WEXITED = 4;
/** Includes threads. */
export const __WALL = 0x40000000;

// linux/kcmp.h
/** Compares two open file descriptions: kcmp(2). */
export const KCMP_FILE = 0;
/** Compares two address spaces. */
export const KCMP_VM = 1;
/** Compares two tables of descriptors. */
export const KCMP_FILES = 2;

// linux/pidfd.h
/** For pidfd_open(2): refers to a thread (Linux 6.9). */
export const PIDFD_THREAD = 0x80;

// linux/net_tstamp.h
/** For PACKET_TIMESTAMP: the clock of the network card. */
export const SOF_TIMESTAMPING_RAW_HARDWARE = 0x40;

// linux/igmp.h
/** A membership record of IGMPv3: all sources but those listed. */
export const IGMPV3_MODE_IS_EXCLUDE = 2;

// linux/sockios.h
/** Reads the time of the last packet: ioctl(2) of sockets. */
export const SIOCGSTAMP_OLD = 0x8906;
/** Sets the flags of an interface. */
export const SIOCSIFFLAGS = 0x8914;
/** Reads the name of an interface, by its number: netdevice(7). */
export const SIOCGIFNAME = 0x8910;
/** Reads the number of an interface, by its name: netdevice(7). */
export const SIOCGIFINDEX = 0x8933;
/** Opens the network namespace of a socket. */
export const SIOCGSKNS = 0x894c;

// linux/nsfs.h
/** Opens the parent of a namespace: ioctl(2) on a file of /proc/PID/ns. */
export const NS_GET_PARENT = 0xb702;
/** Opens the user namespace that owns a namespace. */
export const NS_GET_USERNS = 0xb701;
/** Reads the user who owns a user namespace. */
export const NS_GET_OWNER_UID = 0xb704;

// bits/sched.h
/** Parent and child share memory: clone(2). */
export const CLONE_VM = 0x100;
/** Parent and child share the root, the working directory and the umask. */
export const CLONE_FS = 0x200;
/** Parent and child share the table of descriptors. */
export const CLONE_FILES = 0x400;
/** The child gets the parent of its creator. */
export const CLONE_PARENT = 0x8000;
/** The child is not traced with its creator. */
export const CLONE_UNTRACED = 0x800000;
/** A new user namespace. */
export const CLONE_NEWUSER = 0x10000000;
/** A new PID namespace. */
export const CLONE_NEWPID = 0x20000000;
/** A new network namespace. */
export const CLONE_NEWNET = 0x40000000;
/** A thread of the same process. */
export const CLONE_THREAD = 0x10000;

// linux/prctl.h
/** Sets the name of the thread: prctl(2). */
export const PR_SET_NAME = 15;
/** Reads whether a capability is in the bounding set. */
export const PR_CAPBSET_READ = 23;
/** Orphaned descendants become children of this process. */
export const PR_SET_CHILD_SUBREAPER = 36;
/** execve(2) no longer grants privileges. */
export const PR_SET_NO_NEW_PRIVS = 38;
/** Reads whether no_new_privs is set. */
export const PR_GET_NO_NEW_PRIVS = 39;
/** Keeps the permitted capabilities when no uid is root any longer. */
export const PR_SET_KEEPCAPS = 8;
/** Has a signal handler intercept the system calls of the thread. */
export const PR_SET_SYSCALL_USER_DISPATCH = 59;
/** For PR_SET_SYSCALL_USER_DISPATCH: on. */
export const PR_SYS_DISPATCH_ON = 1;
/** Names a mapping. */
export const PR_SET_VMA = 0x53564d41;
