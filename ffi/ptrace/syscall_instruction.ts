/**
 * Finding an instruction that makes a system call in another process, without reading its memory:
 * memory can be such that reading it never ends, a file of a FUSE file system for instance.
 *
 * The kernel maps the same code, the vDSO, into every process: vdso(7). Where the instruction is in
 * it is seen in this process, and where the vDSO of the other process is, in its /proc/PID/maps.
 * The process can move it, remove it, or write to it. So it is not believed that the instruction is
 * there: what counts is the call that the kernel reports.
 *
 * @module
 */

import { AnswerError, SystemError } from "../abi/errno.ts";
import { iovec } from "../abi/layouts.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { addressOf } from "../abi/struct.ts";
import { readTextFile } from "../process/file.ts";
import { sharesMemory } from "../process/kcmp.ts";
import { convention, Refusal } from "./requests.ts";

/** The largest /proc/TID/maps in bytes; more than 65,530 mappings (vm.max_map_count) take. */
const MAPS_LIMIT = 1 << 24;

/** Where the instruction is in a stopped thread's memory. */
let known: { readonly tid: number; readonly address: bigint } | undefined;

/** Where the instruction is in the vDSO, in bytes from its start. */
let ownOffset: bigint | undefined;

/**
 * Returns the address of an instruction that makes a system call.
 *
 * @param tid A stopped thread. Until it continues, {@linkcode forgetInstruction}, the address also
 * serves for others with the same memory.
 * @throws {Refusal} If the process has no vDSO.
 */
export function syscallInstruction(tid: number): bigint {
  if (known !== undefined && sharesMemoryWith(known.tid, tid)) return known.address;
  const vdso = vdsoOf(tid);
  if (vdso === undefined) throw new Refusal("it has no vDSO, with whose code it would be asked");
  known = { tid, address: vdso.start + (ownOffset ??= offsetInOwn()) };
  return known.address;
}

/** Forgets what is known from a thread that will continue. */
export function forgetInstruction(tid: number): void {
  if (known?.tid === tid) known = undefined;
}

/** Whether two threads certainly share memory. */
function sharesMemoryWith(tid: number, otherTid: number): boolean {
  try {
    return sharesMemory(tid, otherTid);
  } catch (error) {
    if (error instanceof SystemError) return false; // not permitted, or not known to the kernel
    throw error;
  }
}

/** Returns where the vDSO of a process is. The paths of files begin with a slash. */
function vdsoOf(id: number | "self"): { start: bigint; size: number } | undefined {
  const maps = readTextFile(`/proc/${id}/maps`, MAPS_LIMIT);
  const [, start, end] = maps.match(/^([0-9a-f]+)-([0-9a-f]+) r.xp \S+ \S+ \d+ +\[vdso\]$/m) ?? [];
  if (start === undefined) return undefined;
  return { start: BigInt(`0x${start}`), size: parseInt(end, 16) - parseInt(start, 16) };
}

function offsetInOwn(): bigint {
  const vdso = vdsoOf("self");
  if (vdso === undefined) throw new Refusal("this process has no vDSO");
  const code = copyOfOwnMemory(vdso.start, vdso.size);
  const { instruction, alignment } = convention;
  for (let i = 0; i + instruction.length <= code.length; i += alignment) {
    if (instruction.every((byte, k) => code[i + k] === byte)) return BigInt(i);
  }
  throw new Refusal("the vDSO has no instruction that makes a system call");
}

/** Copies memory of this process, which it may read even where /proc/self/mem belongs to root. */
function copyOfOwnMemory(start: bigint, size: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(size);
  const [to, from] = [iovec.alloc(), iovec.alloc()];
  // SAFETY: `copy` is a binding of this function, which returns it after the call.
  Object.assign(to, { iov_base: addressOf(copy), iov_len: size });
  Object.assign(from, { iov_base: start, iov_len: size });
  const read = rawSyscall("process_vm_readv", Deno.pid, to.bytes, 1, from.bytes, 1, 0);
  if (read !== size) throw new AnswerError("process_vm_readv", `${read} of ${size} bytes`);
  return copy;
}
