/**
 * The names of capabilities(7).
 *
 * @module
 */

/** The names, by number. Source: linux/capability.h. */
export const CAPABILITY_NAMES = [
  ...["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID"],
  ...["CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE"],
  ...["CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW"],
  ...["CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT"],
  ...["CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE"],
  ...["CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE"],
  ...["CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE"],
  ...["CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ"],
  ...["CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"],
] as const;

/**
 * Returns the names in a set. A capability that has none here is its number.
 *
 * @param set The set as the kernel prints it: a hexadecimal number.
 */
export function capabilityNames(set: string): string[] {
  const bits = BigInt(`0x${set}`);
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => (bits >> BigInt(bit) & 1n) === 1n)
    .map((bit) => CAPABILITY_NAMES[bit] ?? `capability ${bit}`);
}
