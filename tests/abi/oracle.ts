/**
 * An oracle for layouts and constants: a C compiler.
 *
 * A fact is a C expression and its value, such as `offsetof(struct msghdr, msg_iov)` and 16. The
 * declarations in `ffi/` are turned into facts by walking over all exports of its modules, so later
 * additions are included, and a compiler evaluates the expressions. Its results are kept in
 * `golden.json`, for machines without a compiler.
 *
 *     deno run -A tests/abi/oracle.ts --write     asks the compiler again, and writes golden.json
 *
 * @module
 */

import { CMSG_ALIGN, CMSG_LEN, CMSG_SPACE } from "../../ffi/socket/cmsg.ts";
import * as constants from "../../ffi/abi/constants.ts";
import { Errno } from "../../ffi/abi/errno.ts";
import * as layouts from "../../ffi/abi/layouts.ts";
import { type Fields, sizeOf, type Struct } from "../../ffi/abi/struct.ts";

/** C expressions, and the value of each. */
export type Facts = Record<string, number>;

/** A declared struct. */
export type Layout = Pick<Struct<Fields>, "name" | "size" | "fields">;

/**
 * Structs that are declared only up to a field; the declared size is the offset of that field.
 */
const ENDS_BEFORE: Record<string, string> = {
  bpf_attr: "log_level", // bpf(2) is passed the size, and takes the rest as 0
  dirent64: "d_name", // the name has a variable length
  nlmsgerr: "msg", // the failed request, which is not read
};

/** Types that C does not name with `struct`. */
const UNIONS = new Set(["bpf_attr"]);
const TYPEDEFS = new Set(["sem_t", "siginfo_t", "sigset_t"]);

/** Fields of an inner struct, as C spells them; with the outer one, if several have that name. */
const NESTED: Record<string, string> = {
  block_status: "hdr.bh1.block_status",
  num_pkts: "hdr.bh1.num_pkts",
  offset_to_first_pkt: "hdr.bh1.offset_to_first_pkt",
  blk_len: "hdr.bh1.blk_len",
  seq_num: "hdr.bh1.seq_num",
  "tpacket3_hdr.tp_vlan_tci": "hv1.tp_vlan_tci",
  "tpacket3_hdr.tp_vlan_tpid": "hv1.tp_vlan_tpid",
  sq_off_head: "sq_off.head",
  sq_off_tail: "sq_off.tail",
  sq_off_flags: "sq_off.flags",
  sq_off_array: "sq_off.array",
  sq_off_user_addr: "sq_off.resv2", // user_addr since Linux 6.5
  cq_off_head: "cq_off.head",
  cq_off_tail: "cq_off.tail",
  cq_off_overflow: "cq_off.overflow",
  cq_off_cqes: "cq_off.cqes",
  cq_off_user_addr: "cq_off.resv2", // user_addr since Linux 6.5
  entry_nr: "entry.nr",
  entry_args: "entry.args",
  exit_rval: "exit.rval",
};

/** Constants that no user-space header defines; each with its source, or the test that needs it. */
const KERNEL_ONLY: Record<string, string> = {
  PIDFD_THREAD: "since Linux 6.9; tests/ffi/process/pidfd_test.ts",
  IORING_SETUP_NO_MMAP: "since Linux 6.5; tests/ffi/io_uring/io_uring_test.ts",
  SCM_MAX_FD: "include/net/scm.h of the kernel; tests/ffi/socket/control_messages_test.ts",
  VIRTIO_NET_HDR_GSO_UDP_L4: "since Linux 6.2; tests/lib/receive/super_packets_test.ts",
  // asm-generic/siginfo.h has these two, and cannot be included beside signal.h.
  SYS_SECCOMP: "tests/ffi/ptrace/stopped_thread_test.ts",
  SYS_USER_DISPATCH: "tests/hostile/violations.ts",
};

/** Constants that differ between the architectures: the golden file leaves them out. */
const PER_ARCHITECTURE = ["O_TMPFILE"];

const HEADERS = [
  "dirent.h",
  "elf.h",
  "errno.h",
  "fcntl.h",
  "grp.h",
  "netinet/in.h",
  "poll.h",
  "pwd.h",
  "sched.h",
  "semaphore.h",
  "signal.h",
  "stddef.h",
  "stdio.h",
  "sys/ioctl.h",
  "sys/mman.h",
  "sys/prctl.h",
  "sys/ptrace.h",
  "sys/resource.h",
  "sys/socket.h",
  "sys/syscall.h",
  "sys/user.h",
  "sys/wait.h",
  "time.h",
  "linux/audit.h",
  "linux/bpf.h",
  "linux/capability.h",
  "linux/close_range.h",
  "linux/filter.h",
  "linux/if.h",
  "linux/if_arp.h",
  "linux/if_ether.h",
  "linux/if_link.h",
  "linux/if_packet.h",
  "linux/igmp.h",
  "linux/io_uring.h",
  "linux/ip.h",
  "linux/kcmp.h",
  "linux/net_tstamp.h",
  "linux/nsfs.h",
  "linux/packet_diag.h",
  "linux/ptrace.h",
  "linux/rtnetlink.h",
  "linux/seccomp.h",
  "linux/sock_diag.h",
  "linux/sockios.h",
  "linux/virtio_net.h",
];

/** Size, and offset and size of every field. */
export function layoutFacts({ name, size, fields }: Layout): Facts {
  const facts: Facts = {};
  const end = ENDS_BEFORE[name];
  const cType = TYPEDEFS.has(name) ? name : `${UNIONS.has(name) ? "union" : "struct"} ${name}`;
  facts[end ? `offsetof(${cType}, ${end})` : `sizeof(${cType})`] = size;
  for (const [field, [offset, type]] of Object.entries(fields)) {
    const cField = NESTED[`${name}.${field}`] ?? NESTED[field] ?? field;
    facts[`offsetof(${cType}, ${cField})`] = offset;
    facts[`sizeof(((${cType} *) 0)->${cField})`] = sizeOf(type);
  }
  return facts;
}

/** The constants by name, except those that only the kernel knows. */
export function constantFacts(numbers: Readonly<Record<string, unknown>>): Facts {
  const facts: Facts = {};
  for (const [name, value] of Object.entries(numbers)) {
    if (typeof value !== "number") {
      throw new TypeError(`${name} is not a number, so its fact is unknown`);
    }
    if (!Object.hasOwn(KERNEL_ONLY, name)) facts[name] = value;
  }
  return facts;
}

/** The macros of cmsg(3) for these lengths. */
export function macroFacts(lengths: readonly number[]): Facts {
  return Object.fromEntries(lengths.flatMap((length) => [
    [`CMSG_ALIGN(${length})`, CMSG_ALIGN(length)],
    [`CMSG_LEN(${length})`, CMSG_LEN(length)],
    [`CMSG_SPACE(${length})`, CMSG_SPACE(length)],
  ]));
}

/** All declarations of `ffi/`. */
export function declaredFacts(): Facts {
  const structs = Object.values(layouts) as unknown as Layout[];
  return {
    ...Object.assign({}, ...structs.map(layoutFacts)),
    ...constantFacts(constants),
    ...constantFacts(Errno),
    ...macroFacts(Array.from({ length: 65 }, (_, i) => i)),
  };
}

/** The facts that are the same on every architecture. */
export function portable(facts: Facts): Facts {
  return Object.fromEntries(
    Object.entries(facts).filter(([name]) => !PER_ARCHITECTURE.includes(name)),
  );
}

/** The differences between the declarations and the oracle, in words. */
export function differences(declared: Facts, oracle: Facts): string[] {
  return Object.entries(declared).filter(([expression, value]) => oracle[expression] !== value)
    .map(([expression, value]) =>
      `${expression} is ${oracle[expression] ?? "not known"}, declared as ${value}`
    );
}

/** A C program that prints the value of each expression on a line. */
export function programAsking(expressions: readonly string[]): string {
  return [
    "#define _GNU_SOURCE",
    ...HEADERS.map((header) => `#include <${header}>`),
    "int main(void) {",
    ...expressions.map((each) => `  printf("%lld\\n", (long long) (${each}));`),
    "}\n",
  ].join("\n");
}

/**
 * Asks the C compiler for the values of these expressions.
 *
 * @throws {Error} The message of the compiler about one of them, such as an unknown constant.
 */
export async function askCompiler(expressions: readonly string[]): Promise<Facts> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/oracle.c`, programAsking(expressions));
    await output("cc", ["-o", `${folder}/oracle`, `${folder}/oracle.c`]);
    const values = (await output(`${folder}/oracle`, [])).trimEnd().split("\n").map(Number);
    return Object.fromEntries(expressions.map((expression, i) => [expression, values[i]]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function output(program: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const GOLDEN = new URL("golden.json", import.meta.url);

/** The results of the compiler, as stored. */
export function golden(): Facts {
  return JSON.parse(Deno.readTextFileSync(GOLDEN));
}

if (import.meta.main) {
  if (Deno.args[0] !== "--write") throw new Error("Usage: deno run -A tests/abi/oracle.ts --write");
  const facts = await askCompiler(Object.keys(portable(declaredFacts())));
  await Deno.writeTextFile(GOLDEN, JSON.stringify(facts, null, 2) + "\n");
}
