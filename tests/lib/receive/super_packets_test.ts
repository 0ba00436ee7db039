/** Super-packets: packets that the kernel has joined into one. */

import type { ReceivePath } from "../../../lib/receive/mod.ts";
import { allPathsTest } from "./paths.ts";

/** Whether the kernel reports tag and checksum beside a frame. */
const reports = (path: ReceivePath) => ["recvmsg", "recvmmsg", "tpacket-v3"].includes(path);

/** What a UDP socket sends: the size of the payload, and of the datagrams that it is split into. */
const DATAGRAMS = [[48_000, 1200], [9300, 1000], [1000, 0], [64_000, 1000]];

/** What a source reports. The last two frames come from a packet socket, one of them tagged. */
function expected(path: ReceivePath, hasHeader: boolean) {
  const raw = { length: 600, isWhole: true, segmentSize: 0, isChecksumPending: false, vlan: null };
  return {
    reports: [
      ...DATAGRAMS.map(([size, segmentSize]) => ({
        length: 14 + 20 + 8 + size,
        isWhole: true,
        segmentSize: hasHeader ? segmentSize : 0,
        isChecksumPending: hasHeader || reports(path),
        vlan: null,
      })),
      raw,
      reports(path) ? { ...raw, vlan: { tpid: 0x8100, tci: 5 } } : raw,
    ],
    inexpressible: 0,
    dropped: 0,
  };
}

allPathsTest(
  "delivers super-packets whole, and tells them, and their checksums, by the offload header alone",
  "super_packets.ts",
  [JSON.stringify(DATAGRAMS)],
  (path) => ({ plain: expected(path, false), withHeader: expected(path, true) }),
);

allPathsTest(
  "leaves out super-packets that the offload header cannot express, and no other frame",
  "inexpressible.ts",
  [JSON.stringify([3, 100])], // fewer and more than one step leaves out
  (path) =>
    [3, 100].map((count) => ({
      received: [true, true, true],
      more: false,
      packets: 3 + 2 * count,
      // A ring does not report them; the kernel counts them as dropped.
      inexpressible: path === "tpacket-v3" ? 0 : 2 * count,
      drops: path === "tpacket-v3" ? 2 * count : 0,
    })),
);
