/**
 * The names of capabilities, for a reader of the sets in `/proc/PID/status`.
 *
 * @module
 */

/** The names in the order of their bits. Source: linux/capability.h. */
const NAMES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

/**
 * Returns the names of the capabilities in a set. A bit without a known name is `bit 41`.
 *
 * @param set The set as a hexadecimal number, as in `/proc/PID/status`.
 */
export function capabilityNames(set: string): string[] {
  const bits = BigInt(`0x${set}`);
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => (bits >> BigInt(bit) & 1n) === 1n)
    .map((bit) => NAMES[bit] ?? `bit ${bit}`);
}

/** Returns a set in words: `0`, `0000000000002000 (CAP_NET_RAW)`, or the number if it has many. */
export function describeCapabilities(set: string): string {
  const names = capabilityNames(set);
  if (names.length === 0) return "0";
  return names.length > NAMES_SHOWN ? set : `${set} (${names.join(", ")})`;
}

/** The most names that are shown of a set. */
const NAMES_SHOWN = 8;
