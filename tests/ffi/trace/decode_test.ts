import { assertEquals, assertMatch } from "@std/assert";
import {
  __user_cap_data_struct,
  __user_cap_header_struct,
  addressOf,
  AF_PACKET,
  assemble,
  BPF_MAXINSNS,
  bpfReturn,
  cmsghdr,
  cString,
  encodeControlMessages,
  group_source_req,
  inetAddress,
  io_uring_params,
  IORING_SETUP_CQSIZE,
  iovec,
  ip_mreqn,
  libc,
  LIBC_SYMBOLS,
  mmsghdr,
  msghdr,
  PACKET_AUXDATA,
  packet_mreq,
  pollfd,
  rightsMessage,
  rlimit,
  SCM_TIMESTAMPNS,
  sock_filter,
  sock_fprog,
  sockaddr_ll,
  SOL_PACKET,
  SOL_SOCKET,
  type SyscallName,
  syscallNumber,
  timespec,
  tpacket_auxdata,
  tpacket_req,
  tpacket_req3,
  tpacket_stats,
} from "../../../ffi/mod.ts";
import { decodeCall, type DecodedCall, type ReadMemory } from "../../../ffi/trace/decode.ts";
import { parametersOf } from "../../../ffi/trace/prototype.ts";

/** Buffers that structures point to: only these can be read. */
const pointedTo = new Map<bigint, Uint8Array<ArrayBuffer>>();

function address(bytes: Uint8Array<ArrayBuffer>): bigint {
  pointedTo.set(addressOf(bytes), bytes);
  return addressOf(bytes);
}

const read: ReadMemory = (address, length) => pointedTo.get(address)?.slice(0, length);

function decoded(
  name: keyof typeof LIBC_SYMBOLS,
  args: readonly unknown[],
  result = 0,
): DecodedCall {
  const parameters = parametersOf(LIBC_SYMBOLS[name].prototype);
  return decodeCall({ name, parameters, args, result }, read);
}

function systemCall(name: SyscallName, ...args: (number | bigint)[]): DecodedCall {
  const all = [syscallNumber(name)!, ...args, 0, 0, 0, 0, 0, 0].slice(0, 7);
  return decoded("syscall", all.map(BigInt));
}

/** The rows of a trace without their bytes: `name value`. */
const fields = ({ details }: DecodedCall) =>
  details.map((line) => line.replace(/^ *\d+ {2}[\da-f]{2}(?: [\da-f]{2})* {2,}/, "").trim());

/** Calls whose arguments are numbers with names. */
const NUMBERS: [keyof typeof LIBC_SYMBOLS, args: readonly unknown[], shown: string][] = [
  ["socket", [17, 3 | 0x80000, 0], "AF_PACKET (17), SOCK_RAW|SOCK_CLOEXEC (0x80003), 0"],
  ["socket", [16, 3, 0], "AF_NETLINK (16), SOCK_RAW (3), 0"],
  ["socket", [99, 2 | 0x800, 0], "99, SOCK_DGRAM|SOCK_NONBLOCK (0x802), 0"],
  ["socketpair", [1, 5, 0, Int32Array.of(7, 8)], "AF_UNIX (1), SOCK_SEQPACKET (5), 0, [7, 8]"],
  ["shutdown", [7, 2], "7, SHUT_RDWR (2)"],
  ["fcntl", [7, 1, 0], "7, F_GETFD (1), 0"],
  ["fcntl", [7, 3, 0], "7, F_GETFL (3), 0"],
  ["fcntl", [7, 1033, 7], "7, F_ADD_SEALS (1033), 7"],
  ["open", [cString("/proc"), 0, 0], '"/proc", O_RDONLY (0), 0'],
  [
    "open",
    [cString("/tmp/ü"), 0x80241, 0o600],
    '"/tmp/ü", O_CLOEXEC|O_CREAT|O_TRUNC|O_WRONLY (0x80241), 384',
  ],
  ["open", [cString("/"), 0x200000 | 0x800, 0], '"/", O_PATH|0x800 (0x200800), 0'],
  ["pipe2", [Int32Array.of(3, 4), 0x80000], "[3, 4], O_CLOEXEC (524288)"],
  ["pipe2", [Int32Array.of(3, 4), 0], "[3, 4], 0"],
  ["close_range", [3, 0xffffffff, 4], "3, 4294967295, CLOSE_RANGE_CLOEXEC (4)"],
  ["memfd_create", [cString("m"), 3], '"m", MFD_ALLOW_SEALING|MFD_CLOEXEC (3)'],
  [
    "mmap",
    [0n, 4096n, 3, 0x32, -1, 0n],
    "0, 4096, PROT_READ|PROT_WRITE (3), MAP_ANONYMOUS|MAP_FIXED|MAP_PRIVATE (0x32), -1, 0",
  ],
  ["prctl", [1, 9n, 0n, 0n, 0n], "PR_SET_PDEATHSIG (1), 9, 0, 0, 0"],
  ["prctl", [38, 1n, 0n, 0n, 0n], "PR_SET_NO_NEW_PRIVS (38), 1, 0, 0, 0"],
  ["clock_gettime", [0, null], "CLOCK_REALTIME (0), NULL"],
  ["ioctl", [7, 0xb702n, null], "7, NS_GET_PARENT (46850), NULL"],
  ["unshare", [0x20000000], "CLONE_NEWPID (536870912)"],
  ["setns", [7, 0x30000000], "7, CLONE_NEWPID|CLONE_NEWUSER (0x30000000)"],
  ["setresuid", [0xffffffff, 0, 65534], "-1, 0, 65534"],
  ["setresgid", [0, 0xffffffff, 0], "0, -1, 0"],
  ["getresuid", [Uint32Array.of(1), Uint32Array.of(2), Uint32Array.of(3)], "→ 1, → 2, → 3"],
  ["setgroups", [2n, Uint32Array.of(5, 6)], "2, [5, 6]"],
  ["setgroups", [0n, null], "0, NULL"],
  ["close", [7], "7"],
  ["getppid", [], ""],
  ["dlsym", [null, cString("sem_wait")], 'NULL, "sem_wait"'],
];

for (const [name, args, shown] of NUMBERS) {
  Deno.test(`decodeCall() shows ${name}(${shown})`, () => {
    const line = decoded(name, args).args;
    assertEquals(line.replace(/(^|, )\w+: /g, "$1"), shown);
    const parameters = parametersOf(LIBC_SYMBOLS[name].prototype).map((each) => each.name);
    assertEquals([...line.matchAll(/(?:^|, )(\w+):/g)].map(([, name]) => name), parameters);
  });
}

Deno.test("decodeCall() shows the groups that getgroups() returned", () => {
  assertMatch(decoded("getgroups", [8, new Uint32Array(8).fill(5)], 2).args, /list: \[5, 5\]$/);
  assertMatch(decoded("getgroups", [8, new Uint32Array(8)], -1).args, /list: \[\]$/);
});

for (
  const [name, flags] of [["sendto", 5], ["recvfrom", 5], ["sendmsg", 2], ["recvmsg", 2]] as const
) {
  Deno.test(`decodeCall() names the flags of ${name}()`, () => {
    const args = [7, null, 0, 0, null, null].slice(0, flags === 5 ? 6 : 2);
    args[flags === 5 ? 3 : 2] = 0x4042;
    assertMatch(decoded(name, args).args, /flags: MSG_DONTWAIT\|MSG_NOSIGNAL\|MSG_PEEK \(0x4042\)/);
  });
}

/** Options: the same number has another name for another call, or of another level. */
const OPTIONS: [level: number, option: number, get: string, set: string][] = [
  [1, 26, "SO_GET_FILTER (26)", "SO_ATTACH_FILTER (26)"],
  [1, 27, "27", "SO_DETACH_FILTER (27)"],
  [1, 50, "50", "SO_ATTACH_BPF (50)"],
  [1, 3, "SO_TYPE (3)", "SO_TYPE (3)"],
  [1, 35, "SO_TIMESTAMPNS (35)", "SO_TIMESTAMPNS (35)"],
  [1, 44, "SO_LOCK_FILTER (44)", "SO_LOCK_FILTER (44)"],
  [263, 2, "PACKET_DROP_MEMBERSHIP (2)", "PACKET_DROP_MEMBERSHIP (2)"],
  [263, 6, "PACKET_STATISTICS (6)", "PACKET_STATISTICS (6)"],
  [263, 18, "PACKET_FANOUT (18)", "PACKET_FANOUT (18)"],
  [0, 32, "IP_MULTICAST_IF (32)", "IP_MULTICAST_IF (32)"],
  [0, 11, "IP_RECVERR (11)", "IP_RECVERR (11)"],
  [12345, 1, "1", "1"],
];
const LEVELS: Record<number, string> = {
  0: "IPPROTO_IP (0)",
  1: "SOL_SOCKET (1)",
  263: "SOL_PACKET (263)",
};

for (const [level, option, get, set] of OPTIONS) {
  Deno.test(`decodeCall() names option ${option} of level ${level} for each call`, () => {
    const shown = LEVELS[level] ?? String(level);
    assertEquals(
      decoded("getsockopt", [7, level, option, null, null]).args,
      `sockfd: 7, level: ${shown}, optname: ${get}, optval: NULL, optlen: NULL`,
    );
    assertEquals(
      decoded("setsockopt", [7, level, option, null, 0]).args,
      `sockfd: 7, level: ${shown}, optname: ${set}, optval: NULL, optlen: 0`,
    );
  });
}

Deno.test("decodeCall() shows the value of an option as its struct, an int, or bytes", () => {
  const set = (level: number, option: number, value: Uint8Array<ArrayBuffer>) =>
    decoded("setsockopt", [7, level, option, value, value.length]).details[0];
  assertEquals(set(263, 5, tpacket_req3.alloc().bytes), "optval: struct tpacket_req3, 28 bytes:");
  assertEquals(set(263, 13, tpacket_req.alloc().bytes), "optval: struct tpacket_req, 16 bytes:");
  assertEquals(set(263, 1, packet_mreq.alloc().bytes), "optval: struct packet_mreq, 16 bytes:");
  assertEquals(set(0, 35, ip_mreqn.alloc().bytes), "optval: struct ip_mreqn, 12 bytes:");
  const source = group_source_req.alloc().bytes;
  assertEquals(set(0, 46, source), "optval: struct group_source_req, 264 bytes:");
  assertEquals(set(1, 25, Uint8Array.of(108, 111)), "optval: 2 bytes:");
  const int = decoded("setsockopt", [7, 1, 8, Int32Array.of(4096), 4]);
  assertEquals(int.details, ["optval: int:", "      0  00 10 00 00               4096"]);
  const promiscuous = Object.assign(packet_mreq.alloc(), { mr_type: 1 }).bytes;
  assertMatch(
    fields(decoded("setsockopt", [7, 263, 1, promiscuous, 16])).join("\n"),
    /^mr_type PACKET_MR_PROMISC \(1\)$/m,
  );
  const [length, stats] = [Uint32Array.of(8), tpacket_stats.alloc().bytes];
  const got = decoded("getsockopt", [7, 263, 6, stats, length]);
  assertEquals(got.details[0], "optval: struct tpacket_stats, 8 bytes:");
  assertMatch(got.args, /optval: →, optlen: → 8$/);
  assertEquals(decoded("getsockopt", [7, 263, 6, stats, length], -1).details, []);
});

Deno.test("decodeCall() follows a filter for setsockopt(), and for getsockopt() does not", () => {
  const program = assemble(Array.from({ length: 17 }, () => bpfReturn(0)));
  const fprog = Object.assign(sock_fprog.alloc(), { len: 17, filter: address(program) });
  const attached = fields(decoded("setsockopt", [7, 1, 26, fprog.bytes, 16]));
  assertEquals(attached[0], "optval: struct sock_fprog, 16 bytes:");
  assertEquals(attached.filter((line) => line === "code 0x06 jt 0 jf 0 k 0x0").length, 16);
  assertEquals(attached.at(-1), "… 1 instructions more");
  // The length is in instructions: 16 of them are not the 16 bytes of a sock_fprog.
  for (const count of [1, 16, 17]) {
    const value = program.slice(0, count * sock_filter.size);
    const got = decoded("getsockopt", [7, 1, 26, value, Uint32Array.of(count)]);
    assertEquals(got.details[0], `optval: struct sock_filter[${count}]:`);
  }
  const silent = decoded("getsockopt", [7, 1, 26, program, Uint32Array.of(BPF_MAXINSNS)]);
  assertEquals(silent.details[0], "optval: struct sock_filter[17]:");
});

Deno.test("decodeCall() shows an address by its family, and none that the kernel did not write", () => {
  const link = Object.assign(sockaddr_ll.alloc(), { sll_family: AF_PACKET, sll_protocol: 3 });
  const bound = fields(decoded("bind", [7, link.bytes, 20]));
  assertEquals(bound.slice(0, 3), [
    "addr: struct sockaddr_ll, 20 bytes:",
    "sll_family AF_PACKET (17)",
    "sll_protocol ETH_P_ALL (3)",
  ]);
  const inet = inetAddress({ address: "192.0.2.1", port: 53 });
  assertEquals(decoded("connect", [7, inet, 16]).details[0], "addr: struct sockaddr_in, 16 bytes:");
  const sent = decoded("sendto", [7, Uint8Array.of(1, 2), 2n, 0, inet, 16], 2);
  assertEquals(sent.details.filter((line) => line.endsWith(":")), [
    "buf: 2 bytes:",
    "addr: struct sockaddr_in, 16 bytes:",
  ]);
  for (const name of ["getsockname", "getpeername"] as const) {
    const args = [7, inet, Uint32Array.of(16)];
    assertEquals(decoded(name, args).details[0], "addr: struct sockaddr_in, 16 bytes:");
    assertEquals(decoded(name, args, -1).details, []);
  }
  const local = decoded("bind", [7, Uint8Array.of(1, 0, 47), 3]);
  assertEquals(local.details[0], "addr: struct sockaddr, 3 bytes:");
});

/** A message of 3 bytes with a descriptor, a time stamp and the metadata of a frame beside it. */
function message() {
  const time = Object.assign(timespec.alloc(), { tv_sec: 5n, tv_nsec: 6n }).bytes;
  const stamp = { level: SOL_SOCKET, type: SCM_TIMESTAMPNS, data: time };
  const auxdata = Object.assign(tpacket_auxdata.alloc(), { tp_vlan_tci: 5 }).bytes;
  const metadata = { level: SOL_PACKET, type: PACKET_AUXDATA, data: auxdata };
  const control = encodeControlMessages([rightsMessage([41]), stamp, metadata]);
  const data = Uint8Array.of(97, 98, 99);
  const vector = Object.assign(iovec.alloc(), { iov_base: address(data), iov_len: 3 });
  return Object.assign(msghdr.alloc(), {
    msg_iov: address(vector.bytes),
    msg_iovlen: 1,
    msg_control: address(control),
    msg_controllen: control.length,
    msg_flags: 0x20,
  });
}

Deno.test("decodeCall() follows a msghdr to its data and control messages", () => {
  const sent = fields(decoded("sendmsg", [7, message().bytes, 0], 2));
  assertMatch(sent.join("\n"), /^msg_flags MSG_TRUNC \(32\)$/m);
  assertMatch(sent.join("\n"), /^msg\.msg_iov\[0\]\.iov_base: 2 bytes:\nab$/m);
  assertMatch(sent.join("\n"), /^cmsg_type SCM_RIGHTS \(1\)\ndescriptor 41$/m);
  assertMatch(sent.join("\n"), /^cmsg_type SCM_TIMESTAMPNS \(35\)\ntv_sec 5\ntv_nsec 6$/m);
  assertMatch(
    sent.join("\n"),
    /^cmsg_type PACKET_AUXDATA \(8\)\ntp_status 0\n(?:.*\n)+tp_vlan_tci 5$/m,
  );
  assertEquals(sent.filter((line) => line === "cmsg_level SOL_SOCKET (1)").length, 2);
  const failed = decoded("recvmsg", [7, message().bytes, 0], -1);
  assertEquals(failed.details.filter((line) => line.endsWith(":")).length, 1);
  const unreadable = Object.assign(msghdr.alloc(), { msg_iov: 8n, msg_iovlen: 1 });
  assertEquals(
    decoded("sendmsg", [7, unreadable.bytes, 0], -1).details[0],
    "msg: struct msghdr, 56 bytes:",
  );
  assertEquals(cmsghdr.size, 16);
});

Deno.test("decodeCall() shows the messages that recvmmsg() received", () => {
  const vector = new Uint8Array(6 * mmsghdr.size);
  for (let i = 0; i < 6; i++) vector.set(message().bytes, i * mmsghdr.size);
  const titles = (result: number) =>
    decoded("recvmmsg", [7, vector, 6, 0, null], result).details
      .flatMap((line) => line.match(/^msgvec\[(\d)\]\.msg_hdr: struct/)?.[1] ?? []);
  assertEquals([titles(-1), titles(2), titles(6)], [[], ["0", "1"], ["0", "1", "2", "3"]]);
});

Deno.test("decodeCall() shows the entries of poll() with their events", () => {
  const table = new Uint8Array(2 * pollfd.size);
  Object.assign(pollfd.over(table), { fd: 7, events: 5, revents: 1 });
  const shown = fields(decoded("poll", [table, 2n, 100], 1));
  assertEquals(shown.slice(0, 4), [
    "fds[0]: struct pollfd, 8 bytes:",
    "fd 7",
    "events POLLIN|POLLOUT (5)",
    "revents POLLIN (1)",
  ]);
  assertEquals(shown[4], "fds[1]: struct pollfd, 8 bytes:");
});

Deno.test("decodeCall() shows the capability sets of capget()", () => {
  const sets = new Uint8Array(2 * __user_cap_data_struct.size);
  const shown = decoded("capget", [__user_cap_header_struct.alloc().bytes, sets]).details
    .filter((line) => line.endsWith(":"));
  assertEquals(shown, [
    "hdrp: struct __user_cap_header_struct, 8 bytes:",
    "datap[0]: struct __user_cap_data_struct, 12 bytes:",
    "datap[1]: struct __user_cap_data_struct, 12 bytes:",
  ]);
});

Deno.test("decodeCall() shows the limit of setrlimit()", () => {
  const limit = decoded("setrlimit", [7, rlimit.alloc().bytes]);
  assertEquals(limit.args, "resource: RLIMIT_NOFILE (7), rlim: →");
  assertEquals(limit.details[0], "rlim: struct rlimit, 16 bytes:");
});

Deno.test("decodeCall() shows the bytes that a call read, and not the rest of the buffer", () => {
  const buffer = new Uint8Array(300).fill(65);
  assertEquals(decoded("read", [7, buffer, 300n], 2).details, [
    "buf: 2 bytes:",
    `      0  41 41${" ".repeat(44)}AA`,
  ]);
  assertEquals(decoded("read", [7, buffer, 300n], -1).details, []);
  assertEquals(decoded("write", [7, buffer, 300n], -1).details.at(-1)?.trim(), "… 172 bytes more");
  assertEquals(
    decoded("recvfrom", [7, buffer, 300n, 0, null, null], 3).details[0],
    "buf: 3 bytes:",
  );
  assertEquals(decoded("getdents64", [7, buffer, 300n], 0).details, []);
  const link = decoded("readlink", [cString("/proc/self/exe"), buffer, 300n], 4);
  assertEquals(link.args, 'pathname: "/proc/self/exe", buf: "AAAA", bufsiz: 300');
});

Deno.test("decodeCall() names the system call of syscall(), and follows known structures", () => {
  const number = syscallNumber("getpid");
  assertEquals(systemCall("getpid").args, `number: getpid (${number})`);
  assertEquals(decoded("syscall", [9999n, 0n]).args, "number: unknown (9999)");
  const params = Object.assign(io_uring_params.alloc(), { flags: IORING_SETUP_CQSIZE }).bytes;
  const ring = fields(systemCall("io_uring_setup", 8, address(params)));
  assertEquals(ring[0], "arg2: struct io_uring_params, 120 bytes:");
  assertMatch(ring.join("\n"), /^flags IORING_SETUP_CQSIZE \(8\)$/m);
  const program = assemble([bpfReturn(1)]);
  const fprog = Object.assign(sock_fprog.alloc(), { len: 1, filter: address(program) });
  const filter = fields(systemCall("seccomp", 1, 0, address(fprog.bytes)));
  assertEquals(filter.slice(-2), [
    "arg3.filter: struct sock_filter[1]:",
    "code 0x06 jt 0 jf 0 k 0x1",
  ]);
  assertEquals(systemCall("seccomp", 0, 0, address(fprog.bytes)).details, []);
});

Deno.test("decodeCall() shows a pointer without its address", () => {
  assertMatch(
    decoded("dlsym", [libc.__errno_location(), cString("x")]).args,
    /^handle: a pointer,/,
  );
});
