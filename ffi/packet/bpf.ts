/**
 * Classic BPF: programs of 8-byte instructions that the kernel runs on each frame (socket filters)
 * or each system call (seccomp).
 *
 * The machine has a 32-bit accumulator. A jump goes forward only, by at most 255 instructions, and
 * every path ends in a return, so no program can loop. Source: Documentation/networking/filter.rst
 * of the kernel.
 *
 * @module
 */

import {
  BPF_ABS,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_H,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_MAXINSNS,
  BPF_MISC,
  BPF_RET,
  BPF_TAX,
  BPF_W,
  BPF_X,
  BPF_XOR,
  SO_ATTACH_FILTER,
  SO_DETACH_FILTER,
  SO_GET_FILTER,
  SO_LOCK_FILTER,
  SOL_SOCKET,
} from "../abi/constants.ts";
import { AnswerError, check } from "../abi/errno.ts";
import { sock_filter, sock_fprog } from "../abi/layouts.ts";
import { libc } from "../abi/libc.ts";
import { setsockopt } from "../socket/calls.ts";
import { addressOf } from "../abi/struct.ts";

/** One instruction, as in `struct sock_filter`. */
export interface BpfInstruction {
  /** The operation and its operand, such as `BPF_JMP | BPF_JEQ | BPF_K`. */
  readonly code: number;
  /** The number of instructions to skip if the condition of a jump holds. */
  readonly jt: number;
  /** The number of instructions to skip if it does not hold. */
  readonly jf: number;
  /** The constant. */
  readonly k: number;
}

const SIZES = { 1: BPF_B, 2: BPF_H, 4: BPF_W } as const;

/**
 * `A = the bytes at offset`: of a frame in network byte order, of a system call (4 bytes only) in
 * that of the machine.
 *
 * @param offset From the beginning; above `SKF_NET_OFF` from the network header; at `SKF_AD_OFF +
 * SKF_AD_…` metadata of the frame.
 * @param size In bytes.
 */
export function bpfLoad(offset: number, size: 1 | 2 | 4 = 4): BpfInstruction {
  return { code: BPF_LD | SIZES[size] | BPF_ABS, jt: 0, jf: 0, k: offset >>> 0 };
}

/** `A = A & k`. */
export function bpfAnd(k: number): BpfInstruction {
  return { code: BPF_ALU | BPF_AND | BPF_K, jt: 0, jf: 0, k };
}

/** `A = A op k`, where `op` is such as `BPF_MUL`. */
export function bpfCompute(operation: number, k: number): BpfInstruction {
  return { code: BPF_ALU | operation | BPF_K, jt: 0, jf: 0, k };
}

/** `X = A`. */
export const bpfKeepInX: BpfInstruction = { code: BPF_MISC | BPF_TAX, jt: 0, jf: 0, k: 0 };

/** `A = A ^ X`. */
export const bpfXorWithX: BpfInstruction = { code: BPF_ALU | BPF_XOR | BPF_X, jt: 0, jf: 0, k: 0 };

/** Skips `count` instructions. */
export function bpfSkip(count: number): BpfInstruction {
  return { code: BPF_JMP | BPF_JA, jt: 0, jf: 0, k: count };
}

/** Skips `jt` instructions if `A == k`, else `jf`. */
export function bpfJumpEqual(k: number, jt: number, jf: number): BpfInstruction {
  return { code: BPF_JMP | BPF_JEQ | BPF_K, jt, jf, k };
}

/** Skips `jt` instructions if `A >= k`, both taken as unsigned, else `jf`. */
export function bpfJumpAtLeast(k: number, jt: number, jf: number): BpfInstruction {
  return { code: BPF_JMP | BPF_JGE | BPF_K, jt, jf, k };
}

/** Skips `jt` instructions if `A & k` is not 0, else `jf`. */
export function bpfJumpAnySet(k: number, jt: number, jf: number): BpfInstruction {
  return { code: BPF_JMP | BPF_JSET | BPF_K, jt, jf, k };
}

/**
 * Ends the program with `k`: for a frame, the number of bytes to keep; for a system call, the
 * action.
 */
export function bpfReturn(k: number): BpfInstruction {
  return { code: BPF_RET | BPF_K, jt: 0, jf: 0, k };
}

/**
 * The bytes of a program.
 *
 * @example
 * ```ts
 * import { assemble, bpfJumpEqual, bpfLoad, bpfReturn, ETH_P_IP } from "../mod.ts";
 *
 * // Of IPv4 frames everything, of others nothing.
 * const program = assemble([
 *   bpfLoad(12, 2),
 *   bpfJumpEqual(ETH_P_IP, 0, 1),
 *   bpfReturn(0xffffffff),
 *   bpfReturn(0),
 * ]);
 * console.assert(program.length === 4 * 8);
 * ```
 *
 * @throws {RangeError} If it has no instruction or more than 4096, a number does not fit into its
 * field, or a jump leaves the program.
 */
export function assemble(instructions: readonly BpfInstruction[]): Uint8Array<ArrayBuffer> {
  const { length } = instructions;
  if (length === 0 || length > BPF_MAXINSNS) {
    throw new RangeError(`A BPF program has 1 to ${BPF_MAXINSNS} instructions, not ${length}`);
  }
  const program = new Uint8Array(length * sock_filter.size);
  instructions.forEach(({ code, jt, jf, k }, i) => {
    const farthest = i + 1 + Math.max(jt, jf);
    const leaves = farthest > i + 1 && farthest >= length;
    if (jt > 0xff || jf > 0xff || leaves || k < 0 || k > 0xffffffff) {
      throw new RangeError(`BPF instruction ${i} cannot be encoded: jt ${jt}, jf ${jf}, k ${k}`);
    }
    Object.assign(sock_filter.over(program, i * sock_filter.size), { code, jt, jf, k });
  });
  return program;
}

/**
 * The instructions of a program: the inverse of {@linkcode assemble}. They are decoded only; the
 * kernel may refuse the program.
 *
 * @example
 * ```ts
 * import { assemble, bpfInstructions, bpfReturn } from "../mod.ts";
 *
 * console.log(bpfInstructions(assemble([bpfReturn(1)]))); // [{ code: 6, jt: 0, jf: 0, k: 1 }]
 * ```
 *
 * @throws {RangeError} If it does not consist of 1 to 4096 instructions.
 */
export function bpfInstructions(program: Uint8Array<ArrayBuffer>): BpfInstruction[] {
  const count = program.length / sock_filter.size;
  if (!Number.isInteger(count) || count === 0 || count > BPF_MAXINSNS) {
    throw new RangeError(
      `A BPF program has 1 to ${BPF_MAXINSNS} instructions of ${sock_filter.size} bytes, ` +
        `not ${program.length} bytes`,
    );
  }
  return Array.from({ length: count }, (_, i) => {
    const { code, jt, jf, k } = sock_filter.over(program, i * sock_filter.size);
    return { code, jt, jf, k };
  });
}

// SAFETY: `fprog` points to `held`. Both are bindings of this module, so they live across the next
// call, which is synchronous; the kernel makes a copy.
const fprog = sock_fprog.alloc();
let held = new Uint8Array(0);

/**
 * The bytes of a `struct sock_fprog`, for a call that takes a program. Valid until the next call of
 * this function.
 */
export function bpfProgram(program: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  held = program;
  fprog.len = held.length / sock_filter.size;
  fprog.filter = addressOf(held);
  return fprog.bytes;
}

/**
 * Attaches a filter to a socket, which decides how many bytes of each packet are kept:
 * setsockopt(2), `SO_ATTACH_FILTER`; socket(7). Packets already queued are not filtered.
 *
 * @param program As {@linkcode assemble} returns it.
 * @throws {SystemError} `EINVAL` (an invalid program), `EPERM` (the filter is locked), `ENOTSOCK`,
 * …
 * @throws {AnswerError} If the call reports success and the socket has another filter.
 */
export function attachFilter(fd: number, program: Uint8Array<ArrayBuffer>): void {
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, bpfProgram(program));
  if (attachedFilter(fd).toHex() !== program.toHex()) {
    throw new AnswerError("setsockopt", "the socket has another filter than the one attached");
  }
}

/**
 * Reads the filter of a socket back: getsockopt(2), `SO_GET_FILTER`, whose lengths are in
 * instructions; `sk_get_filter` in net/core/filter.c.
 *
 * @returns A program as {@linkcode assemble} returns it; empty if there is none.
 * @throws {SystemError} `EACCES` (an extended BPF program), `EINVAL` (it was replaced meanwhile),
 * `ENOTSOCK`, …
 *
 * @example
 * ```ts
 * import { AF_UNIX, assemble, attachedFilter, attachFilter } from "../mod.ts";
 * import { bpfReturn, SOCK_DGRAM, socket } from "../mod.ts";
 *
 * const fd = socket(AF_UNIX, SOCK_DGRAM, 0);
 * console.log(attachedFilter(fd).length); // 0
 * attachFilter(fd, assemble([bpfReturn(0)]));
 * console.log(attachedFilter(fd).toHex()); // 0600000000000000
 * ```
 */
export function attachedFilter(fd: number): Uint8Array<ArrayBuffer> {
  const count = new Uint32Array(1);
  const ask = (program: Uint8Array<ArrayBuffer> | null) =>
    check(libc.getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, program, count), "getsockopt");
  ask(null); // without a buffer it returns the number of instructions
  const program = new Uint8Array(count[0] * sock_filter.size);
  if (program.length > 0) ask(program);
  // A shorter one may have replaced it meanwhile.
  return program.subarray(0, count[0] * sock_filter.size);
}

/**
 * Locks the filter of a socket: afterwards no process can attach, replace, detach or unlock one.
 * setsockopt(2), `SO_LOCK_FILTER`; socket(7).
 *
 * @throws {SystemError} `ENOTSOCK`, …
 */
export function lockFilter(fd: number): void {
  setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, 1);
}

/**
 * Detaches the filter of a socket: setsockopt(2), `SO_DETACH_FILTER`; socket(7).
 *
 * @throws {SystemError} `ENOENT` (there is none), `EPERM` (it is locked), `ENOTSOCK`, …
 */
export function detachFilter(fd: number): void {
  setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
}
