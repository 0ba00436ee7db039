/**
 * A process that was inspected, as the evidence describes it: everything that the kernel reports of
 * it from outside.
 *
 * Names, paths and links come from the process itself. They may hold any text, so every view
 * escapes them, and they are cut at {@linkcode TEXT_LIMIT}.
 *
 * @module
 */

import type { OperationName } from "./operations.ts";

/** The most characters that are kept of a name, path or link of an inspected process. */
export const TEXT_LIMIT = 256;

/** A process, for a list of holders or ancestors. */
export interface NamedProcess {
  readonly pid: number;
  /** Its name (`comm`), as it may have set it itself. */
  readonly name: string;
}

/** Threads that look alike. Source: proc_pid_status(5). */
export interface InspectedThreads {
  readonly tids: readonly number[];
  /** Real, effective, saved, filesystem. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** CapInh, CapPrm, CapEff, CapBnd, CapAmb, as hexadecimal numbers. */
  readonly capabilities: Readonly<Record<string, string>>;
  readonly no_new_privs: number;
  /** 0 for none, 1 for strict, 2 for filters. */
  readonly seccomp: number;
  /** The number of filters; null before Linux 5.9. */
  readonly filters: number | null;
}

/** A namespace of the process, beside that of the caller. */
export interface InspectedNamespace {
  /** `mnt`, `net`, `pid`, `user`, `ipc`, `uts`, `cgroup`, `time`. */
  readonly kind: string;
  /** Such as `net:[4026531840]`. */
  readonly link: string;
  /** Whether the caller is in the same one. */
  readonly same: boolean;
}

/** An open descriptor. */
export interface InspectedDescriptor {
  readonly fd: number;
  /** The link in /proc, such as `socket:[4711]`. */
  readonly refers_to: string;
  /** How it was opened: `read`, `write`, `read and write`, `path`. Null if that cannot be read. */
  readonly access: "read" | "write" | "read and write" | "path" | null;
  /** A few words on it, such as `io_uring with 2 registered files`; may be empty. */
  readonly note: string;
  /** The threads that hold it in a table of their own; empty for the table of the process. */
  readonly tids: readonly number[];
}

/** A packet socket that the process holds. */
export interface InspectedSocket {
  readonly link: string;
  /** Its numbers in the process. */
  readonly fds: readonly number[];
  readonly type: "SOCK_RAW" | "SOCK_DGRAM" | "SOCK_PACKET";
  /** The name of the interface in the socket's own namespace; null if it is bound to none. */
  readonly interface: string | null;
  /** 0 if it is bound to no interface, -1 if that interface is gone. */
  readonly ifindex: number;
  /** The EtherType, such as 0x0003 for all. */
  readonly protocol: number;
  /** The network namespace of the socket, such as `net:[4026531840]`; null if it cannot be read. */
  readonly namespace: string | null;
  /**
   * Its filter, one instruction a line as tcpdump -d prints it; empty for none; null if it cannot
   * be read (an extended BPF program).
   */
  readonly filter: readonly string[] | null;
  readonly locked: boolean;
  /** The fanout group; null if it is in none. */
  readonly fanout: { readonly group: number; readonly mode: string } | null;
  /** Rings; null if that cannot be read. */
  readonly rings: readonly ("rx" | "tx")[] | null;
  readonly mark: number;
  readonly vnet_hdr: boolean;
  /** Memberships, such as `promiscuous on eth0`; null if they cannot be read. */
  readonly memberships: readonly string[] | null;
  /** The other processes that hold the same socket. */
  readonly holders: readonly (NamedProcess & { readonly fd: number })[];
}

/** The filters of system calls of some threads. */
export interface InspectedFilters {
  readonly tids: readonly number[];
  /** The programs, the oldest first, one instruction a line. */
  readonly programs: readonly (readonly string[])[];
}

/** A known hole of the kernel behind an operation. */
export interface InspectedHole {
  readonly cve: string;
  readonly function: string;
  /** The operations that lead to it; empty if every holder of a packet socket reaches it. */
  readonly operations: readonly OperationName[];
  /** By the version of the running kernel alone. */
  readonly status: "open" | "fixed" | "not affected" | "cannot tell";
  /** Why that is the status, in words. */
  readonly reason: string;
  /** Whether the inspected process can reach it, by the matrix; null where that cannot be told. */
  readonly reachable: boolean | null;
  readonly source: string;
}

/** Everything that was seen of a process. */
export interface InspectedProcess extends NamedProcess {
  /** The path of its program; null if that cannot be read. */
  readonly executable: string | null;
  readonly command: readonly string[];
  readonly parent: NamedProcess | null;
  readonly session: number;
  /** Groups of threads that look alike, the largest first. */
  readonly threads: readonly InspectedThreads[];
  /** How the threads differ, one sentence each; empty if they are alike. */
  readonly differences: readonly string[];
  readonly namespaces: readonly InspectedNamespace[];
  /** Its root folder, as the caller sees it; null if that cannot be read. */
  readonly root: string | null;
  readonly dumpable: boolean | null;
  /** Mappings that are writable and executable; null if they cannot be read. */
  readonly wx_mappings: number | null;
  readonly descriptors: readonly InspectedDescriptor[];
  /** How many descriptors more there are than listed. */
  readonly descriptors_left_out: number;
  readonly packet_sockets: readonly InspectedSocket[];
  /** Packet sockets that it may hold although no descriptor shows them, in words. */
  readonly hidden: readonly string[];
  /** Null unless it was asked. */
  readonly filters: readonly InspectedFilters[] | null;
  /** How long it was stopped, in milliseconds; 0 unless it was asked. */
  readonly stopped_ms: number;
  readonly known_holes: readonly InspectedHole[];
  /** Whatever could not be seen, each with the reason. */
  readonly unseen: readonly string[];
}
