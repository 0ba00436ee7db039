/**
 * Memory in whole pages, aligned as the kernel requires.
 *
 * A mapping is placed over the pages of an ArrayBuffer (`MAP_FIXED`), so typed arrays and `Atomics`
 * access it in place, and no address has to be followed, for which Deno requires the unrestricted
 * `--allow-ffi`. When a mapping is removed, empty pages replace it: a stale view reads zeros, and
 * the process does not crash.
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
import { AnswerError, check, errnoOf, lastErrno, SystemError } from "./errno.ts";
import { cString, libc } from "./libc.ts";
import { rawSyscall } from "./raw_syscall.ts";
import { addressOf } from "./struct.ts";

/** The size of a page in bytes: getpagesize(2). */
export function pageSize(): number {
  return libc.getpagesize();
}

/**
 * Allocates zeroed memory that begins and ends at a page boundary.
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

// SAFETY: a mapping over the pages of an ArrayBuffer must be removed before they return to the
// heap. While it exists, the ArrayBuffer is referenced here.
const mapped = new Set<Uint8Array<ArrayBuffer>>();

// The end of an isolate returns all its memory to the heap while the process continues, as between
// the files of `deno test`.
globalThis.addEventListener("unload", unmapAll);

/** Removes all mappings. An error is of no use to anyone at that moment. */
function unmapAll(): void {
  for (const memory of mapped) errnoOf(() => unmap(memory));
}

/**
 * Replaces these pages by a mapping: mmap(2) with `MAP_FIXED`.
 *
 * A web worker must remove its mappings ({@linkcode unmap}) before it ends. This module gets no
 * notice of that end, so pages that are still mapped would return to the heap.
 *
 * @param memory From {@linkcode pages}. Its content is lost.
 * @param flags Such as `MAP_SHARED`.
 * @param fd The descriptor to map, from its beginning.
 * @throws {SystemError} `EINVAL`, `ENODEV`, `ENOMEM`, …; `memory` then has empty pages.
 * @throws {AnswerError} If mmap(2) reports success and the old pages are still there.
 */
export function mapOver(memory: Uint8Array<ArrayBuffer>, flags: number, fd: number): void {
  if (mapped.has(memory)) unmap(memory); // the next write must not reach the mapped object
  const before = crypto.getRandomValues(new Uint8Array(16));
  memory.set(before);
  try {
    map(memory, flags, fd);
    if (before.every((byte, i) => memory[i] === byte)) {
      throw new AnswerError("mmap", "the old pages are still there");
    }
  } catch (error) {
    unmap(memory); // a failed call may have removed the old pages
    throw error;
  }
  mapped.add(memory);
}

/**
 * Replaces a mapping by empty pages.
 *
 * @throws {SystemError} `ENOMEM`.
 */
export function unmap(memory: Uint8Array<ArrayBuffer>): void {
  map(memory, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  mapped.delete(memory);
}

/**
 * Creates memory that several processes can map, passed as a descriptor: memfd_create(2). It is
 * sealed, so that no process can grow it, or shrink it and thereby kill its readers by SIGBUS.
 *
 * @param name The name in /proc.
 * @param size In bytes; whole pages.
 * @returns The descriptor, close-on-exec.
 * @throws {SystemError} `EMFILE`, `ENOMEM`, …
 * @throws {AnswerError} If ftruncate(2) reports success and the size differs.
 */
export function sharedMemory(name: string, size: number): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const fd = check(libc.memfd_create(cString(name), flags), "memfd_create");
  try {
    check(libc.ftruncate(fd, BigInt(size)), "ftruncate");
    const length = rawSyscall("lseek", fd, 0, SEEK_END);
    // An access beyond the real size would raise SIGBUS.
    if (length !== size) throw new AnswerError("ftruncate", `${length} bytes, not ${size}`);
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
