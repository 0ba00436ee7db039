/**
 * The surroundings in which fdpass may be started: with too little of something, with too much, or
 * with something taken away. A table; each line says how to run a program there, and the right
 * outcome of fdpass.
 *
 * @module
 */

import { FDPASS, NOT_ROOT, refusing } from "./here.ts";

/** A surrounding, and the right outcome of a run there. */
export interface Surrounding {
  readonly what: string;
  /** The command that runs a program there. */
  readonly before: readonly string[];
  /** The arguments of fdpass, except the interface. */
  readonly args?: readonly string[];
  readonly exit: number | readonly number[];
  /** Matches standard output or standard error. */
  readonly says: RegExp;
  /** True if the runtime cannot work there either, and fails with its own message. */
  readonly runtimeFails?: true;
  /** True if it is tried in every test run; the others are a sweep. */
  readonly quick?: true;
}

const PASS = { exit: 0, says: /✓ Core assumption validated: D24|^PASS privilege-drop/ } as const;
const UNTOUCHED: readonly string[] = [];

/** In the shell, which then becomes the program. */
const shell = (text: string) => ["bash", "-c", `${text} && exec "$0" "$@"`];
const become = (redirections: string) => ["bash", "-c", `exec "$0" "$@" ${redirections}`];
/** In a mount namespace of its own. */
const mounting = (text: string) => ["unshare", "--mount", ...shell(text)];
const limited = (limit: string) => ["prlimit", `--${limit}`];
const without = (...capabilities: string[]) => [
  "setpriv",
  `--bounding-set=${capabilities.map((name) => `-${name}`)}`,
  `--inh-caps=${capabilities.map((name) => `-${name}`)}`,
];
const withOnly = (...capabilities: string[]) => [
  "setpriv",
  `--bounding-set=-all,${capabilities.map((name) => `+${name}`)}`,
  "--inh-caps=-all",
];
const foreign = (count: number) =>
  shell(`for ((fd = 3; fd < ${3 + count}; fd++)); do eval "exec $fd</etc/passwd"; done`);
const program = (name: string) => [Deno.execPath(), "run", "-A", `tests/support/${name}`];

/** In a user namespace that maps each id to itself, with a veth pair in its network namespace. */
const MAPPED = shell(`
  folder=$(mktemp -d)
  mkfifo "$folder/go"
  unshare --user --net sh -c 'read -r _ <"$0/go"
    ip link set lo up
    ip link add veth-fdpass type veth peer name veth-far
    ip link set veth-fdpass up
    ip link set veth-far up
    exec "$@"' "$folder" "$0" "$@" &
  pid=$!
  while [ "$(readlink /proc/$pid/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.01; done
  echo "0 0 65536" >/proc/$pid/uid_map && echo "0 0 65536" >/proc/$pid/gid_map
  echo >"$folder/go"
  wait $pid; status=$?
  rm -r "$folder"; exit $status`);

/** Every file system is read-only, except those of the kernel. */
const READ_ONLY = mounting(`
  for folder in $(cut -d" " -f2 /proc/mounts | grep -vE "^/(proc|sys|dev)"); do
    mount -o remount,ro,bind "$folder" 2>/dev/null
  done
  ! touch "$TMPDIR/x" 2>/dev/null`);

/**
 * The default capabilities of a Docker container. Source: Docker, "Runtime privilege and Linux
 * capabilities".
 */
const DOCKER = [
  ...["chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap"],
  ...["net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap"],
];
const CONTAINER = withOnly(...DOCKER);

const STREAMS: readonly Surrounding[] = [
  {
    what: "standard input is closed",
    before: become("<&-"),
    ...PASS,
  },
  {
    what: "standard error is closed",
    before: become("2>&-"),
    ...PASS,
  },
  // The runtime opens /dev/null in its place before fdpass starts, so the two cannot be told apart.
  {
    what: "standard output is closed",
    before: become(">&-"),
    exit: 0,
    says: /^$/,
    quick: true,
  },
  {
    what: "all standard streams are closed",
    before: become("<&- >&- 2>&-"),
    exit: 0,
    says: /^$/,
  },
  {
    what: "standard output can only be read",
    before: become("1</dev/null"),
    exit: 4,
    says: /Cannot write the report to standard output/,
  },
];

const DESCRIPTORS: readonly Surrounding[] = [
  { what: "a hundred foreign descriptors are open", before: foreign(100), ...PASS, quick: true },
  {
    what: "a foreign descriptor has a high number",
    before: shell('exec 200<>"$TMPDIR/../foreign"'),
    ...PASS,
  },
  {
    what: "a foreign packet socket is open",
    before: program("with_packet_socket.ts"),
    ...PASS,
    quick: true,
  },
  {
    what: "three hundred foreign descriptors are open, hardened",
    before: foreign(300),
    args: ["--harden"],
    ...PASS,
  },
  {
    what: "a hundred foreign descriptors are open, authority",
    before: foreign(100),
    args: ["-e", "authority"],
    exit: 0,
    says: /AUTH-02/,
  },
];

const CHILDREN: readonly Surrounding[] = [
  {
    what: "the end of children is ignored",
    before: ["env", "--ignore-signal=CHLD"],
    ...PASS,
    quick: true,
  },
  {
    what: "the end of children is ignored, supervisor",
    before: ["env", "--ignore-signal=CHLD"],
    args: ["-e", "supervisor", "--kills", "1"],
    exit: 0,
    says: /D18/,
  },
  {
    what: "a child of somebody else's is there, and goes on",
    before: shell("(sleep 3; echo it goes on) & true"),
    exit: 0,
    says: /✓ SUCCESS[^]*it goes on/,
    quick: true,
  },
];

const MEMORY: readonly Surrounding[] = [
  ...[64, 1024, 16 * 1024].map((mebibytes) => ({
    what: `RLIMIT_AS is ${mebibytes} MiB`,
    before: limited(`as=${mebibytes * 2 ** 20}`),
    exit: [1, 133, 134, 139],
    says: /^$|Deno could not start|out of memory|memory allocation/,
    runtimeFails: true as const,
  })),
  { what: "RLIMIT_AS is 128 GiB", before: limited(`as=${128 * 2 ** 30}`), ...PASS },
  { what: "no memory may be locked", before: limited("memlock=0"), ...PASS },
  {
    what: "no memory may be locked, io-uring to receive by",
    before: limited("memlock=0"),
    args: ["--receive", "io-uring"],
    exit: 4,
    says: /16 KiB must be locked in memory, but only 0 may be \(RLIMIT_MEMLOCK; ulimit -l 16\)/,
    quick: true,
  },
  {
    what: "16 KiB may be locked, io-uring to receive by",
    before: limited("memlock=16384"),
    args: ["--receive", "io-uring-multishot"],
    ...PASS,
  },
  {
    what: "64 KiB may be locked, io-uring",
    before: limited("memlock=65536"),
    args: ["-e", "io-uring"],
    exit: 4,
    says: /INCONCLUSIVE[^]*128 KiB must be locked in memory, but only 64 may be/,
  },
  {
    what: "128 KiB may be locked, io-uring",
    before: limited("memlock=131072"),
    args: ["-e", "io-uring"],
    exit: 0,
    says: /D7/,
  },
  {
    what: "no memory may be locked, a TPACKET_V3 ring to receive by",
    before: limited("memlock=0"),
    args: ["--receive", "tpacket-v3"],
    ...PASS,
  },
  {
    what: "there is no memory for a TPACKET_V3 ring",
    before: refusing("setsockopt", "ENOMEM", { 1: 263, 2: 5 }),
    args: ["--receive", "tpacket-v3"],
    exit: 4,
    says: /setsockopt: Cannot allocate memory \(ENOMEM\); root's own control is refused too/,
  },
  {
    what: "there is no memory for an io_uring",
    before: refusing("io_uring_setup", "ENOMEM"),
    args: ["--receive", "io-uring"],
    exit: 4,
    says: /io_uring_setup: Cannot allocate memory \(ENOMEM\)/,
  },
  {
    what: "there is no memory for so many workers",
    before: mounting(`
      echo "MemAvailable: 204800 kB" >"$TMPDIR/../meminfo"
      mount --bind "$TMPDIR/../meminfo" /proc/meminfo`),
    args: ["-e", "supervisor", "--workers", "16"],
    exit: 4,
    says: /17 workers need at least 680 MiB of memory, but only 200 are available[^]*--workers/,
    quick: true,
  },
  { what: "the user may have one process", before: limited("nproc=1"), ...PASS },
  {
    what: "the user may have one process, hardened",
    before: limited("nproc=1"),
    args: ["--harden"],
    exit: 4,
    says:
      /The child ended early[^]*root's own control, an empty program started like the child, ends/,
  },
];

const PROC: readonly Surrounding[] = [
  {
    what: "/proc is not mounted",
    before: mounting("mount -t tmpfs none /proc"),
    exit: 4,
    says: /\/proc is not mounted[^]*mount -t proc proc \/proc/,
    quick: true,
  },
  {
    what: "/proc is that of another PID namespace",
    before: ["unshare", "--pid", "--fork"],
    exit: 4,
    says: /\/proc belongs to another PID namespace[^]*mount -t proc proc \/proc/,
    quick: true,
  },
  {
    what: "/proc hides processes",
    before: mounting("mount -t proc -o hidepid=2 proc /proc"),
    ...PASS,
  },
  {
    what: "/proc hides processes, hardened",
    before: mounting("mount -t proc -o hidepid=2 proc /proc"),
    args: ["--harden"],
    ...PASS,
  },
  {
    what: "/proc hides processes, authority",
    before: mounting("mount -t proc -o hidepid=2 proc /proc"),
    args: ["-e", "authority"],
    exit: 4,
    says: /INCONCLUSIVE[^]*hides processes from each other \(hidepid=\w+; mount -o remount/,
  },
  {
    what: "/proc has nothing but processes",
    before: mounting("mount -t proc -o subset=pid proc /proc"),
    exit: 4,
    says: /INCONCLUSIVE[^]*"\/proc\/net\/packet": .*ENOENT[^]*mount -t proc proc \/proc/,
  },
];

const FILES: readonly Surrounding[] = [
  { what: "every file system is read-only", before: READ_ONLY, ...PASS, quick: true },
  {
    what: "every file system is read-only, with a report",
    before: READ_ONLY,
    args: ["--report", "/tmp/nothing.html"],
    exit: 4,
    says: /Cannot write "\/tmp\/nothing\.html": .*EROFS[^]*file system that can be written/,
  },
  {
    what: "nobody may read new files (umask 777)",
    before: shell("umask 777"),
    ...PASS,
  },
  {
    what: "there is no temporary folder",
    before: ["env", "TMPDIR=/nonexistent"],
    ...PASS,
  },
  {
    what: "the environment is empty",
    before: ["env", "-i"],
    ...PASS,
  },
];

const FILTERS: readonly Surrounding[] = [
  ...["setup", "enter", "register"].map((call) => ({
    what: `io_uring_${call} is refused`,
    before: refusing(`io_uring_${call}`, "EPERM"),
    ...PASS,
  })),
  {
    what: "packet sockets are refused",
    before: refusing("socket", "EPERM", { 0: 17 }),
    exit: 4,
    says: /socket: Operation not permitted \(EPERM\): a seccomp filter .* --security-opt/,
    quick: true,
  },
  {
    what: "filters are refused, hardened",
    before: refusing("seccomp", "EPERM"),
    args: ["--harden"],
    exit: 4,
    says: /seccomp: Operation not permitted \(EPERM\); root's own control is refused too/,
    quick: true,
  },
  {
    what: "ids cannot be changed",
    before: refusing("setresuid", "EPERM"),
    exit: 4,
    says: /setresuid: Operation not permitted \(EPERM\)/,
  },
  {
    what: "groups cannot be left",
    before: refusing("setgroups", "EPERM"),
    exit: 4,
    says: /setgroups: Operation not permitted \(EPERM\)/,
  },
  {
    what: "capabilities cannot be read",
    before: refusing("capget", "EPERM"),
    exit: 4,
    says: /Cannot read this process's capabilities: capget: Operation not permitted \(EPERM\)/,
  },
  {
    what: "folders cannot be read",
    before: refusing("getdents64", "EPERM"),
    exit: 4,
    says: /getdents64: Operation not permitted \(EPERM\)/,
  },
  {
    what: "messages cannot be sent",
    before: refusing("sendmsg", "EPERM"),
    exit: 4,
    says: /sendmsg: Operation not permitted \(EPERM\)/,
  },
  {
    what: "messages cannot be received",
    before: refusing("recvmsg", "EPERM"),
    exit: 4,
    says: /recvmsg: Operation not permitted \(EPERM\)/,
  },
  ...["close_range", "clone3", "memfd_create", "openat2"].map((syscall) => ({
    what: `${syscall} is unknown`,
    before: refusing(syscall, "ENOSYS"),
    ...PASS,
  })),
  // Without it nobody can look at the sockets of another process.
  {
    what: "pidfd_open is unknown",
    before: refusing("pidfd_open", "ENOSYS"),
    exit: 4,
    says: /cannot be inspected: pidfd_open: .*\(ENOSYS\): this kernel lacks that system call/,
  },
];

const PRIVILEGES: readonly Surrounding[] = [
  ...["net_raw", "setuid", "setgid", "kill", "setpcap", "sys_ptrace"].map((name) => {
    const capability = `CAP_${name.toUpperCase()}`;
    return {
      what: `root is without ${capability}`,
      before: without(name),
      exit: 4,
      says: new RegExp(`Root without ${capability}\n  Grant ${capability} .*--cap-add`),
    };
  }),
  ...([
    ["net_admin", "receive-paths"],
    ["net_admin", "supervisor"],
    ["net_admin", "relay"],
  ] as const).map(([name, experiment]) => {
    const capability = `CAP_${name.toUpperCase()}`;
    return {
      what: `root is without ${capability}, ${experiment}`,
      before: without(name),
      args: ["-e", experiment],
      exit: 4,
      says: new RegExp(
        `INCONCLUSIVE[^]*Root without ${capability}: grant ${capability} .*--cap-add`,
      ),
    };
  }),
  {
    what: "root is without relay's CAP_SYS_ADMIN",
    before: without("sys_admin"),
    args: ["-e", "relay"],
    exit: 4,
    says: /Cannot set up another network namespace[^]*--out/,
  },
  {
    what: "root has what is needed, and no more",
    before: withOnly("net_raw", "setuid", "setgid", "kill", "setpcap", "sys_ptrace"),
    ...PASS,
    quick: true,
  },
  {
    what: "root is a container's",
    before: CONTAINER,
    exit: 4,
    says:
      /^fdpass: Root without CAP_SYS_PTRACE\n {2}Grant CAP_SYS_PTRACE \(in a container: --cap-add\)$/m,
  },
  {
    what: "root is a container's that may trace",
    before: withOnly(...DOCKER, "sys_ptrace"),
    ...PASS,
  },
  {
    what: "the user is not root",
    before: NOT_ROOT,
    exit: 4,
    says: /without CAP_NET_RAW[^]*AmbientCapabilities=[^]*sudo \/.*deno run/,
  },
  {
    what: "the user is that of a namespace, which has nobody",
    before: ["unshare", "--user", "--map-root-user"],
    exit: 4,
    says: /65534 is not mapped in this user namespace[^]*--user/,
  },
  { what: "the user namespace has every id", before: MAPPED, ...PASS },
  {
    what: "the user namespace has every id, hardened",
    before: MAPPED,
    args: ["--harden"],
    exit: 4,
    says: /HARD-05 .*CAP_SYS_ADMIN/,
  },
  {
    what: "the user namespace has every id, receive-paths",
    before: MAPPED,
    args: ["-e", "receive-paths"],
    exit: 4,
    says: /INCONCLUSIVE[^]*SO_RCVBUFFORCE: EPERM\): run outside the user namespace/,
  },
];

/** Every surrounding. */
export const SURROUNDINGS: readonly Surrounding[] = [
  { what: "nothing is otherwise", before: UNTOUCHED, ...PASS },
  ...STREAMS,
  ...DESCRIPTORS,
  ...CHILDREN,
  ...MEMORY,
  ...PROC,
  ...FILES,
  ...FILTERS,
  ...PRIVILEGES,
];

/** With a limit of descriptors. */
export const withDescriptors = (most: number): Surrounding => ({
  what: `RLIMIT_NOFILE is ${most}`,
  before: limited(`nofile=${most}`),
  exit: [0, 4],
  says: /validated: D24|\(EMFILE\):?\s+raise the limit of open descriptors: ulimit -n|Time ran out/,
});

/** The command that runs fdpass in a surrounding, on the veth pair. */
export function commandIn({ before, args = [] }: Surrounding): string[] {
  return [...before, ...FDPASS, ...args, "veth-fdpass"];
}
