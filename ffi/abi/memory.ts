/**
 * Memory by pages: aligned as the kernel wants it, and lent to it.
 *
 * A mapping is made over the pages of an ArrayBuffer (`MAP_FIXED`), so that it is an ArrayBuffer: typed arrays and `Atomics` work in place, and
 * no address has to be followed, for which Deno wants the unrestricted `--allow-ffi`. When it is taken away, empty pages come in its
 * place: a view that somebody still holds reads zeros, and does not crash the process.
 *
 * @module
 */

import {
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  PROT_READ,
  PROT_WRITE,
  SEEK_END,
} from "./constants.ts";
import { close } from "../process/descriptor.ts";
import { AnswerError, check, lastErrno, SystemError } from "./errno.ts";
import { cString, libc } from "./libc.ts";
import { rawSyscall } from "./raw_syscall.ts";
import { addressOf } from "./struct.ts";

/** getpagesize(2): the size of a page, in bytes. */
export function pageSize(): number {
  return libc.getpagesize();
}

/**
 * Memory of its own that begins and ends with a page, all zero.
 *
 * @param size In bytes; rounded up to whole pages.
 */
export function pages(size: number): Uint8Array<ArrayBuffer> {
  const page = pageSize();
  const length = Math.ceil(size / page) * page;
  const memory = new Uint8Array(length + page);
  const start = (page - Number(addressOf(memory) % BigInt(page))) % page;
  return memory.subarray(start, start + length);
}

// SAFETY: what is mapped over the pages of an ArrayBuffer must be gone before they go back to the heap: as long as it is there, the
// ArrayBuffer is held here.
const mapped = new Set<Uint8Array<ArrayBuffer>>();

// And at the end of an isolate, which gives all of its memory back to the heap while the process goes on: between the files of `deno test`.
globalThis.addEventListener("unload", () => mapped.forEach(unmap));

/**
 * mmap(2), `MAP_FIXED`: puts a mapping in the place of these pages.
 *
 * A web worker must take it away before it ends ({@linkcode unmap}), since nothing tells this module of that end: the heap would get memory back
 * that is not its own.
 *
 * @param memory From {@linkcode pages}. What was in it is lost.
 * @param flags Such as `MAP_SHARED`.
 * @param fd What is mapped, from its beginning.
 * @throws {SystemError} `EINVAL`, `ENODEV`, `ENOMEM`, …: `memory` is then empty pages.
 * @throws {AnswerError} If the kernel says that it is mapped, and the old pages are there still.
 */
export function mapOver(memory: Uint8Array<ArrayBuffer>, flags: number, fd: number): void {
  if (mapped.has(memory)) unmap(memory); // what is written next is for nobody else
  const before = crypto.getRandomValues(new Uint8Array(16));
  memory.set(before);
  try {
    map(memory, flags, fd);
    if (before.every((byte, i) => memory[i] === byte)) {
      throw new AnswerError("mmap", "the old pages are still there");
    }
  } catch (error) {
    unmap(memory); // the kernel may have taken the old pages away before it failed
    throw error;
  }
  mapped.add(memory);
}

/**
 * Puts empty pages in the place of a mapping.
 *
 * @throws {SystemError} `ENOMEM`.
 */
export function unmap(memory: Uint8Array<ArrayBuffer>): void {
  map(memory, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  mapped.delete(memory);
}

/**
 * memfd_create(2): memory that several processes map, passed as a descriptor. It is sealed: nobody can make it shorter, which would kill who
 * reads what is gone (SIGBUS), or longer.
 *
 * @param name What /proc shows.
 * @param size In bytes; whole pages.
 * @returns Its descriptor, close-on-exec.
 * @throws {SystemError} `EMFILE`, `ENOMEM`, …
 * @throws {AnswerError} If the kernel says that it has that size, and it has not.
 */
export function sharedMemory(name: string, size: number): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const fd = check(libc.memfd_create(cString(name), flags), "memfd_create");
  try {
    check(libc.ftruncate(fd, BigInt(size)), "ftruncate");
    const length = rawSyscall("lseek", fd, 0, SEEK_END);
    if (length !== size) throw new AnswerError("ftruncate", `${length} bytes, not ${size}`); // to touch them would be SIGBUS
    const seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    check(libc.fcntl(fd, F_ADD_SEALS, seals), "fcntl");
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

function map(memory: Uint8Array<ArrayBuffer>, flags: number, fd: number): void {
  const address = addressOf(memory);
  const result = libc.mmap(
    address,
    BigInt(memory.length),
    PROT_READ | PROT_WRITE,
    flags | MAP_FIXED,
    fd,
    0n,
  );
  if (result === -1) throw new SystemError("mmap", lastErrno());
}
