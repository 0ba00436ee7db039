/**
 * Extended BPF: loading one program, to test whether a process may load any.
 *
 * @module
 */

import { BPF_PROG_LOAD, BPF_PROG_TYPE_SOCKET_FILTER } from "../abi/constants.ts";
import { bpf_attr } from "../abi/layouts.ts";
import { cString } from "../abi/libc.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { addressOf } from "../abi/struct.ts";

// Two instructions, each a struct bpf_insn: code (u8), registers (u8), offset (u16) and immediate
// (i32).
// deno-fmt-ignore
const KEEP_EVERYTHING = Uint8Array.of(
  0xb7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, // BPF_MOV64_IMM(R0, -1)
  0x95, 0, 0, 0, 0, 0, 0, 0, // BPF_EXIT_INSN()
);
const LICENSE = cString("GPL");

/**
 * Loads a socket filter that keeps every frame, for `SO_ATTACH_BPF`: bpf(2), `BPF_PROG_LOAD`.
 *
 * @returns Its descriptor, close-on-exec.
 * @throws {SystemError} `EPERM` (`kernel.unprivileged_bpf_disabled` is not 0, and CAP_BPF is
 * missing), `ENOSYS`.
 */
export function bpfSocketFilter(): number {
  const attributes = bpf_attr.alloc();
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insn_cnt = KEEP_EVERYTHING.length / 8;
  // SAFETY: both are bindings of this module, so they live across the call.
  attributes.insns = addressOf(KEEP_EVERYTHING);
  attributes.license = addressOf(LICENSE);
  return rawSyscall("bpf", BPF_PROG_LOAD, attributes.bytes, bpf_attr.size);
}
