/**
 * Known holes of the kernel that the holder of a packet socket may reach without a capability: each
 * with the operations that lead to it, and the versions that have its fix.
 *
 * It holds knowledge only; `holes_of.ts` applies it to a kernel and a process. Each record was
 * compared with its source on {@linkcode CHECKED_ON}. Linux versions come from the record of the
 * CVE's numbering authority; where `also` names another source, from both.
 *
 * @module
 */

import type { OperationName } from "../../evidence/operations.ts";

/** The day on which every record was last compared with its source. */
export const CHECKED_ON = "2026-11-30";

/** The stable releases of one series, such as 6.12, that have a hole. */
export interface AffectedReleases {
  /** The first one, as a patch level. */
  readonly from: number;
  /** The one that has the fix, as a patch level; null if the series ended without it. */
  readonly fixed: number | null;
}

/** The versions of a hole. */
export interface AffectedVersions {
  /** The version that introduced it, such as `4.17`; null if the record does not say. */
  readonly introduced: string | null;
  /** By series: the patch level with the fix, counted from 0, or the releases in full. */
  readonly series: Readonly<Record<string, number | AffectedReleases>>;
  /** The first version of the main line that has the fix. */
  readonly mainline: string;
}

/** A hole. */
export interface KnownHole {
  readonly cve: string;
  /** The function of the kernel that has it. */
  readonly function: string;
  /** What goes wrong, in a few words. */
  readonly flaw: string;
  /** What must have been done to the socket, by this process or by another holder before. */
  readonly setup: readonly OperationName[];
  /**
   * What triggers it: one of these operations; or what every holder of such a socket may do:
   * receive, close it, or just hold it.
   */
  readonly trigger: readonly OperationName[] | "receiving" | "closing" | "holding";
  /** The type of socket that it takes; null for any. */
  readonly type: "SOCK_DGRAM" | null;
  /** What else it takes, as a clause that follows "it takes"; null for nothing. */
  readonly takes: string | null;
  /** The protection that brings its set-up about, and how; null for none. */
  readonly touchedBy: { readonly protection: string; readonly how: string } | null;
  readonly versions: AffectedVersions;
  /** Where the record is. */
  readonly source: string;
  /** A second source, where the record lacks something; null for none. */
  readonly also: string | null;
}

/** Every operation that sends a frame. */
export const SENDING = [
  "send",
  "sendto-elsewhere",
  "write",
  "send-message",
  "send-messages",
  "write-vector",
  "splice",
  "io-uring-send",
] as const satisfies readonly OperationName[];

const RINGS = ["rx-ring", "tx-ring"] as const satisfies readonly OperationName[];

const PIN = {
  protection: "fanout-pin",
  how: "it makes the socket a member of a fanout group, which this hole takes",
};

const HEADER_LENGTH = "a change of the interface's header length meanwhile, such as of a bond, " +
  "which takes CAP_NET_ADMIN";

const AGED = { type: null, touchedBy: null, also: null } as const;

/** The holes, the newest first. */
export const KNOWN_HOLES: readonly KnownHole[] = [
  {
    ...AGED,
    cve: "CVE-2026-74668",
    function: "tpacket_snd",
    flaw: "a frame of the ring is built with two different header lengths: out-of-bounds write",
    setup: ["tx-ring"],
    trigger: SENDING,
    takes: HEADER_LENGTH,
    versions: {
      introduced: "2.6.31",
      series: {
        "5.10": 267,
        "5.15": 218,
        "6.1": 185,
        "6.6": 152,
        "6.12": 104,
        "6.18": 45,
        "7.1": 9,
      },
      mainline: "7.2",
    },
    source: recordOf("2026", "74668"),
    also: "https://osv.dev/vulnerability/CVE-2026-74668 (5.10, 5.15, 6.1)",
  },
  {
    ...AGED,
    cve: "CVE-2026-74667",
    function: "packet_parse_headers",
    flaw: "the MAC header stays unset, and a driver reads out of bounds",
    setup: ["qdisc-bypass"],
    trigger: SENDING,
    takes: "an interface whose driver reads the MAC header, such as macsec",
    versions: {
      introduced: "5.1",
      series: {
        "5.10": 265,
        "5.15": 216,
        "6.1": 183,
        "6.6": 152,
        "6.12": 104,
        "6.18": 45,
        "7.1": 9,
      },
      mainline: "7.2",
    },
    source: recordOf("2026", "74667"),
  },
  {
    ...AGED,
    cve: "CVE-2026-74666",
    function: "__packet_rcv_has_room",
    flaw: "poll(2) and recvmsg(2) look into a ring that is being replaced: use after free",
    setup: [],
    trigger: ["rx-ring"],
    takes: "another thread or holder that receives meanwhile",
    versions: {
      introduced: "4.2",
      series: {
        "5.10": 267,
        "5.15": 218,
        "6.1": 185,
        "6.6": 152,
        "6.12": 104,
        "6.18": 45,
        "7.1": 9,
      },
      mainline: "7.2",
    },
    source: recordOf("2026", "74666"),
    also: "https://osv.dev/vulnerability/CVE-2026-74666 (5.10, 5.15, 6.1)",
  },
  {
    ...AGED,
    cve: "CVE-2026-74582",
    function: "packet_snd",
    flaw: "a frame is built with two different header lengths: out-of-bounds write",
    setup: [],
    trigger: SENDING,
    takes: HEADER_LENGTH,
    versions: {
      introduced: "4.17",
      series: {
        "4.4": { from: 133, fixed: null },
        "4.9": { from: 103, fixed: null },
        "4.14": { from: 44, fixed: null },
        "4.16": { from: 12, fixed: null },
        "5.10": 267,
        "5.15": 218,
        "6.1": 185,
        "6.6": 152,
        "6.12": 104,
        "6.18": 45,
        "7.1": 9,
      },
      mainline: "7.2",
    },
    source: recordOf("2026", "74582"),
  },
  {
    ...AGED,
    cve: "CVE-2026-68338",
    function: "packet_set_ring",
    flaw: "the hook of a fanout group is registered again on an interface that is gone",
    setup: ["fanout-join"],
    trigger: RINGS,
    takes: "a group of one member, and the end of the interface meanwhile, " +
      "which takes CAP_NET_ADMIN",
    touchedBy: PIN,
    versions: {
      introduced: "3.1",
      series: {
        "5.10": 265,
        "5.15": 216,
        "6.1": 183,
        "6.6": 148,
        "6.12": 101,
        "6.18": 42,
        "7.1": 6,
      },
      mainline: "7.2",
    },
    source: recordOf("2026", "68338"),
  },
  {
    ...AGED,
    cve: "CVE-2026-53223",
    function: "skb_is_err_queue",
    flaw: "a control message with a time stamp copies kernel memory behind the frame",
    setup: ["timestamp"],
    trigger: "receiving",
    takes: "SO_TIMESTAMPING and SO_RXQ_OVFL on the socket, and a frame that this machine sends",
    versions: {
      introduced: "4.11",
      series: {
        "4.10": { from: 14, fixed: null },
        "5.10": 259,
        "5.15": 210,
        "6.1": 176,
        "6.6": 143,
        "6.12": 94,
        "6.18": 36,
        "7.0": 13,
      },
      mainline: "7.1",
    },
    source: recordOf("2026", "53223"),
  },
  {
    ...AGED,
    cve: "CVE-2026-31700",
    function: "tpacket_snd",
    flaw: "the offload header is checked in shared memory, and read again after the check",
    setup: ["tx-ring", "vnet-hdr"],
    trigger: SENDING,
    takes: null,
    versions: {
      introduced: "4.6",
      series: {
        "5.10": 259,
        "5.15": 210,
        "6.1": 176,
        "6.6": 136,
        "6.12": 84,
        "6.18": 25,
        "7.0": 2,
      },
      mainline: "7.1",
    },
    source: recordOf("2026", "31700"),
  },
  {
    ...AGED,
    cve: "CVE-2026-31504",
    function: "packet_release",
    flaw: "a closed socket is linked into its fanout group again: use after free",
    setup: ["fanout-join"],
    trigger: "closing",
    takes: "that no other process holds the socket, and that the interface comes up meanwhile, " +
      "which takes CAP_NET_ADMIN",
    touchedBy: PIN,
    versions: {
      introduced: "3.1",
      series: {
        "5.10": 253,
        "5.15": 203,
        "6.1": 168,
        "6.6": 131,
        "6.12": 80,
        "6.18": 21,
        "6.19": 11,
      },
      mainline: "7.0",
    },
    source: recordOf("2026", "31504"),
  },
  {
    ...AGED,
    cve: "CVE-2025-38617",
    function: "packet_set_ring",
    flaw: "the socket is hooked up while its ring is being replaced: use after free",
    setup: [],
    trigger: RINGS,
    takes: "that the interface comes up meanwhile, which takes CAP_NET_ADMIN",
    versions: {
      introduced: "2.6.12",
      series: {
        "5.4": 297,
        "5.10": 241,
        "5.15": 190,
        "6.1": 148,
        "6.6": 102,
        "6.12": 42,
        "6.15": 10,
        "6.16": 1,
      },
      mainline: "6.17",
    },
    source: recordOf("2025", "38617"),
  },
  {
    ...AGED,
    cve: "CVE-2025-38150",
    function: "packet_notifier",
    flaw: "a lock that sleeps is taken where nothing may sleep",
    setup: ["promiscuous"],
    trigger: "holding",
    takes: "the end of an interface such as a team, which takes CAP_NET_ADMIN",
    versions: { introduced: "6.15", series: { "6.15": 3 }, mainline: "6.16" },
    source: recordOf("2025", "38150"),
  },
  {
    ...AGED,
    cve: "CVE-2024-57902",
    function: "vlan_get_tci",
    flaw: "MSG_PEEK moves the data of a frame that others read too: BUG()",
    setup: ["auxdata"],
    trigger: "receiving",
    type: "SOCK_DGRAM",
    takes: "MSG_PEEK, and a frame with a VLAN tag",
    versions: peekVersions(),
    source: recordOf("2024", "57902"),
  },
  {
    ...AGED,
    cve: "CVE-2024-57901",
    function: "vlan_get_protocol_dgram",
    flaw: "MSG_PEEK moves the data of a frame that others read too: BUG()",
    setup: [],
    trigger: "receiving",
    type: "SOCK_DGRAM",
    takes: "MSG_PEEK, and a frame with a VLAN tag",
    versions: peekVersions(),
    source: recordOf("2024", "57901"),
  },
  {
    ...AGED,
    cve: "CVE-2023-54030",
    function: "io_recv_finish",
    flaw: "a multishot receive queues completions without a limit, until memory is out",
    setup: [],
    trigger: ["io-uring", "io-uring-send"],
    takes: null,
    versions: { introduced: "6.0", series: { "6.5": 3 }, mainline: "6.6" },
    source: recordOf("2023", "54030"),
    also: "https://git.kernel.org/linus/b2e74db55dd9 (the function)",
  },
  {
    ...AGED,
    cve: "CVE-2022-48839",
    function: "packet_recvmsg",
    flaw: "a frame too long for the ring is received with a wrong length: out-of-bounds write",
    setup: ["rx-ring"],
    trigger: "receiving",
    takes: "PACKET_COPY_THRESH on the socket",
    versions: {
      introduced: "2.6.14",
      series: {
        "4.9": 308,
        "4.14": 273,
        "4.19": 236,
        "5.4": 187,
        "5.10": 108,
        "5.15": 31,
        "5.16": 17,
      },
      mainline: "5.17",
    },
    source: recordOf("2022", "48839"),
  },
  {
    ...AGED,
    cve: "CVE-2021-22600",
    function: "packet_set_ring",
    flaw: "a map of the ring's frames is freed twice",
    setup: [],
    trigger: ["rx-ring"],
    takes: null,
    versions: {
      introduced: null,
      series: { "5.4": 168, "5.10": 88, "5.15": 11 },
      mainline: "5.16",
    },
    source: recordOf("2021", "22600"),
  },
  {
    ...AGED,
    cve: "CVE-2020-14386",
    function: "tpacket_rcv",
    flaw: "an offset overflows, and the offload header is written before the frame",
    setup: ["rx-ring", "vnet-hdr"],
    trigger: "holding",
    takes: "PACKET_RESERVE on the socket, and a frame",
    versions: { introduced: null, series: {}, mainline: "5.9" },
    source: recordOf("2020", "14386"),
    also: "https://git.kernel.org/linus/acf69c946233 (the function, and what it takes)",
  },
  {
    ...AGED,
    cve: "CVE-2017-14497",
    function: "tpacket_rcv",
    flaw: "the offload header is written behind the end of the ring",
    setup: ["rx-ring", "vnet-hdr"],
    trigger: "holding",
    takes: "a frame",
    versions: { introduced: null, series: {}, mainline: "4.13" },
    source: recordOf("2017", "14497"),
  },
  {
    ...AGED,
    cve: "CVE-2017-7308",
    function: "packet_set_ring",
    flaw: "the size of a block is checked with the wrong sign: out-of-bounds write",
    setup: [],
    trigger: ["rx-ring"],
    takes: null,
    versions: { introduced: null, series: { "4.10": 11 }, mainline: "4.11" },
    source: recordOf("2017", "7308"),
    also: "https://github.com/nluedtke/linux_kernel_cves (4.10.11; not outstanding in 4.11)",
  },
  {
    ...AGED,
    cve: "CVE-2016-8655",
    function: "packet_set_ring",
    flaw: "the version of the ring changes while it is made: use after free",
    setup: [],
    trigger: ["rx-ring"],
    takes: null,
    versions: { introduced: null, series: {}, mainline: "4.9" },
    source: recordOf("2016", "8655"),
    also: "the test of the Linux Test Project for it (4.9)",
  },
];

/** Records that were read, and concern another socket than one that is held, with the reason. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  "CVE-2026-53250": "xsk_skb_metadata: a socket of AF_XDP, whose creator needs CAP_NET_RAW",
  "CVE-2023-53240": "xsk_xmit: a socket of AF_XDP, whose creator needs CAP_NET_RAW",
  "CVE-2024-56606": "packet_create: reached by the creator of a packet socket, with CAP_NET_RAW",
};

/** Numbers for which no record was found, with the places that were searched. */
export const NOT_CHECKED: Readonly<Record<string, string>> = {
  "CVE-2026-98850":
    "a hole behind `tx-ring`, by hearsay. No record of that number is in the copy of " +
    "the CVE list that was searched, and no other text there names it",
};

/** Returns the operations that lead to a hole; empty if just receiving does. */
export function operationsOf({ setup, trigger }: KnownHole): OperationName[] {
  return [...setup, ...typeof trigger === "string" ? [] : trigger];
}

/**
 * Returns whether a holder triggers a hole without an operation: by receiving, closing or holding
 * the socket. No filter refuses that, if it lets a process receive.
 */
export function isTriggeredByHolding({ trigger }: KnownHole): boolean {
  return typeof trigger === "string";
}

/** Both holes came with the same commit, and were fixed by the same releases. */
function peekVersions(): AffectedVersions {
  return {
    introduced: "6.11",
    series: {
      "4.19": { from: 320, fixed: null },
      "5.4": { from: 282, fixed: 289 },
      "5.10": { from: 224, fixed: 233 },
      "5.15": { from: 165, fixed: 176 },
      "6.1": { from: 103, fixed: 124 },
      "6.6": { from: 44, fixed: 70 },
      "6.10": { from: 3, fixed: null },
      "6.12": 9,
    },
    mainline: "6.13",
  };
}

/** The address of a record in the CVE list. */
function recordOf(year: string, number: string): string {
  return `https://www.cve.org/CVERecord?id=CVE-${year}-${number}`;
}
