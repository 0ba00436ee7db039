/**
 * Finding an instruction that makes a system call in the memory of another process.
 *
 * @module
 */

import { O_CLOEXEC, O_RDONLY, PTRACE_PEEKTEXT } from "../abi/constants.ts";
import { errnoOf } from "../abi/errno.ts";
import { pageSize } from "../abi/memory.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { close } from "../process/descriptor.ts";
import { open, readTextFile } from "../process/file.ts";
import { convention, Refusal, request, word } from "./requests.ts";

/** The largest /proc/TID/maps in bytes; more than 65,530 mappings (vm.max_map_count) take. */
const MAPS_LIMIT = 1 << 24;

/**
 * Returns the address of an instruction that makes a system call: the one that the stopped thread
 * has just executed, the next one, or any in executable memory of its process.
 *
 * @throws {Refusal} If there is none.
 */
export function syscallInstruction(tid: number, registers: Uint8Array<ArrayBuffer>): bigint {
  const next = word(registers, convention.programCounter);
  const last = next - BigInt(convention.instruction.length);
  return [last, next].find((address) => isInstructionAt(tid, address)) ?? findInstruction(tid);
}

function isInstructionAt(tid: number, address: bigint): boolean {
  const bytes = new Uint8Array(8);
  return errnoOf(() => request(tid, PTRACE_PEEKTEXT, address, bytes)) === 0 &&
    convention.instruction.every((byte, i) => bytes[i] === byte);
}

/** Searches the vDSO first, which is small and has such instructions. */
function findInstruction(tid: number): bigint {
  const maps = readTextFile(`/proc/${tid}/maps`, MAPS_LIMIT).split("\n");
  const executable = maps.filter((line) => /^\S+ r.x/.test(line));
  const isVdso = (line: string) => line.endsWith("[vdso]");
  const memory = open(`/proc/${tid}/mem`, O_RDONLY | O_CLOEXEC);
  try {
    for (const line of [...executable.filter(isVdso), ...executable.filter((l) => !isVdso(l))]) {
      const [start, end] = line.split(" ", 1)[0].split("-").map((hex) => BigInt(`0x${hex}`));
      const found = findInstructionIn(memory, start, end);
      if (found !== undefined) return found;
    }
  } finally {
    close(memory);
  }
  throw new Refusal("it has no instruction that makes a system call");
}

function findInstructionIn(memory: number, start: bigint, end: bigint): bigint | undefined {
  const { instruction } = convention;
  const page = new Uint8Array(pageSize());
  for (let address = start; address < end; address += BigInt(page.length)) {
    if (errnoOf(() => rawSyscall("pread64", memory, page, page.length, address)) !== 0) continue;
    for (let i = page.indexOf(instruction[0]); i !== -1; i = page.indexOf(instruction[0], i + 1)) {
      if (i % convention.alignment !== 0) continue;
      if (instruction.every((byte, k) => page[i + k] === byte)) return address + BigInt(i);
    }
  }
}
