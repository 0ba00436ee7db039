/**
 * Signal handlers as machine code: JavaScript cannot run in a signal handler.
 *
 * @module
 */

import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_EXEC, PROT_READ, SA_RESTART } from "../abi/constants.ts";
import { mapOver, pages, pageSize, unmap } from "../abi/memory.ts";
import { rawSyscall } from "../abi/raw_syscall.ts";
import { addressOf } from "../abi/struct.ts";

/** The size of a signal mask in the kernel, in bytes. Source: sigset_t in asm/signal.h. */
const MASK_SIZE = 8;

/** The handler brings its own return to the kernel. Source: asm/signal.h, in no header of glibc. */
const SA_RESTORER = 0x04000000;

/** A handler as machine code. */
export interface Handler {
  /** Instructions, in hexadecimal. */
  readonly code: string;
  /** Where its return to the kernel begins; `null` if the kernel provides that (vDSO). */
  readonly restorer: number | null;
}

/**
 * Maps the code of a handler, and memory beside it. The code is never writable and executable at
 * once. The kernel makes it visible to the instruction cache when it becomes executable:
 * __sync_icache_dcache in arch/arm64/mm/flush.c; x86_64 needs nothing.
 *
 * @param size Of the memory, in bytes.
 * @param complete Writes into the page of the code what it needs to know, such as the address of
 * the memory.
 * @returns Both must stay referenced for as long as the handler may run.
 * @throws {SystemError} `EACCES` or `EPERM` of mprotect(2) where no code can be added to the
 * process: PR_SET_MDWE, a seccomp filter.
 */
export function loadHandler(
  handler: Handler,
  size = 0,
  complete: (code: Uint8Array<ArrayBuffer>, memory: Uint8Array<ArrayBuffer>) => void = () => {},
): { code: Uint8Array<ArrayBuffer>; memory: Uint8Array<ArrayBuffer> } {
  const page = pageSize();
  const all = pages(page + size);
  const [code, memory] = [all.subarray(0, page), all.subarray(page, page + size)];
  mapOver(all, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  try {
    code.set(Uint8Array.fromHex(handler.code));
    complete(code, memory);
    rawSyscall("mprotect", addressOf(code), page, PROT_READ | PROT_EXEC);
  } catch (error) {
    unmap(all);
    throw error;
  }
  return { code, memory };
}

/** The action of a signal as the kernel takes it. Source: struct sigaction in asm/signal.h. */
export type Action = BigUint64Array<ArrayBuffer>;

/**
 * The action that runs a handler: its address, flags, restorer, mask. All signals are blocked while
 * it runs.
 *
 * @param code From {@linkcode loadHandler}.
 */
export function actionOf({ restorer }: Handler, code: Uint8Array<ArrayBuffer>): Action {
  const address = addressOf(code);
  return restorer === null
    ? BigUint64Array.of(address, BigInt(SA_RESTART), 0n, ~0n)
    : BigUint64Array.of(address, BigInt(SA_RESTART | SA_RESTORER), address + BigInt(restorer), ~0n);
}

/**
 * Sets the action of a signal, also of those that libc keeps for itself.
 *
 * @returns The action before.
 * @throws {SystemError} `EINVAL` (no such signal, or one that cannot be caught).
 */
export function replaceAction(signal: number, action: Action): Action {
  const before = new BigUint64Array(4);
  const [wanted, found] = [action, before].map(({ buffer }) => new Uint8Array(buffer));
  rawSyscall("rt_sigaction", signal, wanted, found, MASK_SIZE);
  return before;
}
