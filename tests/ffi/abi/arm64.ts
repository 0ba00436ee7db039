/**
 * The definitions of arch/arm64/include/uapi/asm/unistd.h before it includes the generic table.
 *
 * @module
 */

/** As lines of C. */
export const ARM64 = [
  "__BITS_PER_LONG 64",
  "__ARCH_WANT_RENAMEAT",
  "__ARCH_WANT_NEW_STAT",
  "__ARCH_WANT_SET_GET_RLIMIT",
  "__ARCH_WANT_TIME32_SYSCALLS",
  "__ARCH_WANT_MEMFD_SECRET",
  "__ARCH_WANT_SYS_CLONE3",
].map((each) => `#define ${each}`);
