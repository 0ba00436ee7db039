/**
 * `inspect` on daemons of Debian that nobody here wrote: the verdicts, what it names, and that the
 * daemons go on as before.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { InspectedSocket } from "../../lib/evidence/inspected.ts";
import { testNeeding } from "../support/needs.ts";
import { ROOT, runProgram } from "../support/programs.ts";
import {
  DHCPCD,
  INTERFACE,
  LLDPD,
  needing,
  PACKAGES,
  processOf,
  startDhcpcd,
  startDumpcap,
  startLldpd,
  startTcpdump,
} from "./debian_daemons.ts";
import { HEAD, rowOf, unpadded } from "./daemon_table.ts";
import { CONFINED, inspect, type Inspected } from "./inspecting.ts";

/** An EtherType for experiments (IEEE 802), which nothing else here sends. */
const EXPERIMENTAL = "0x88b5";

/** What a reviewer asks first of a packet socket. */
function inShort({ evidence }: Inspected) {
  const state = (socket: InspectedSocket) => ({
    interface: socket.interface,
    locked: socket.locked,
    rings: socket.rings,
    memberships: socket.memberships,
    holders: socket.holders,
  });
  return evidence.process!.packet_sockets.map(state);
}

/** The operations that are predicted with an outcome, in the matrix's one column. */
function operations({ evidence: { matrix } }: Inspected, outcome: string): string[] {
  const [column] = matrix!.columns;
  return matrix!.rows.filter(({ cells }) => cells[column].outcome === outcome)
    .map(({ operation }) => operation);
}

/**
 * What is left out of a process that holds no packet socket beside one that does: only asking tells
 * whether it has an io_uring that uses the other's.
 */
const besideAnother = (options: readonly string[]) =>
  options.length === 0 ? ["INSP-07 left out"] : [];

/** The calls by which a packet socket sends. */
const SENDING = [
  ...["send", "sendto-elsewhere", "write", "send-message", "send-messages", "write-vector"],
  "splice",
];

testNeeding(needing(PACKAGES.tcpdump), "tcpdump -Z nobody has dropped its privileges", async () => {
  await using tcpdump = await startTcpdump("ether", "proto", EXPERIMENTAL);
  for (const options of [[], ["--ask"]]) {
    const seen = await inspect(tcpdump.pid, ...options);
    const { outcome, evidence: { verdict, process }, wrong } = seen;
    assertEquals([verdict, outcome.code, outcome.stderr], ["PASS", 0, ""]);
    assertEquals(wrong, ["INSP-01 left out"]);
    assertEquals(process!.executable, "/usr/bin/tcpdump");
    assertEquals([process!.threads[0].uids, process!.threads.length], [Array(4).fill(65534), 1]);
    assertEquals(inShort(seen), [{
      interface: INTERFACE,
      locked: false,
      rings: ["rx"],
      memberships: [`promiscuous on ${INTERFACE}`],
      holders: [],
    }]);
  }
});

testNeeding(
  needing(PACKAGES.tcpdump),
  "The filter of tcpdump's socket is what tcpdump -d prints",
  async () => {
    await using tcpdump = await startTcpdump("ether", "proto", EXPERIMENTAL);
    const { evidence } = await inspect(tcpdump.pid);
    const printed = await runProgram("tcpdump", [
      ...["-i", INTERFACE, "-d", "ether", "proto", EXPERIMENTAL],
    ]);
    const bare = (line: string) => line.replace(/ *;.*$/, "").replaceAll(/\s+/g, " ").trim();
    const [{ filter }] = evidence.process!.packet_sockets;
    assertEquals(filter!.map(bare), printed.stdout.trim().split("\n").map(bare));
  },
);

testNeeding(
  needing(PACKAGES.tcpdump),
  "tcpdump is not confined: what remains is named",
  async () => {
    await using tcpdump = await startTcpdump();
    const seen = await inspect(tcpdump.pid, ...CONFINED);
    const { outcome, check, wrong } = seen;
    assertEquals([outcome.code, wrong], [
      1,
      ["INSP-01 fail", "INSP-08 fail", "INSP-09 fail", "INSP-10 fail"],
    ]);
    assertMatch(check("INSP-09").observed, /^allowed: rebind-interface, .+ more \(fd \d+\)$/);
    const allowed = operations(seen, "allowed");
    for (const operation of [...SENDING, "rebind-all", "promiscuous", "attach-filter", "execute"]) {
      assert(allowed.includes(operation), operation);
    }
    assertMatch(check("INSP-10").observed, /^the filter of fd \d+ is not locked/);
  },
);

testNeeding(needing(PACKAGES.dumpcap), "dumpcap, started by root, is refuted: uid 0", async () => {
  await using dumpcap = await startDumpcap();
  for (const options of [[], ["--ask"]]) {
    const seen = await inspect(dumpcap.pid, ...options);
    const { outcome, evidence: { verdict, process }, check, wrong } = seen;
    assertEquals([verdict, outcome.code], ["FAIL", 1]);
    const refuted = ["INSP-02 fail", "INSP-04 fail", "INSP-05 skip", "INSP-06 fail"];
    assertEquals(wrong, ["INSP-01 left out", ...refuted]);
    assertMatch(check("INSP-05").observed, /root gets it by execve\(2\)/);
    assertMatch(check("INSP-02").observed, /^uid 0 \(real, effective, saved, filesystem\)/);
    assertEquals(check("INSP-03").status, "pass", "it has dropped its capabilities");
    assertEquals(process!.executable, "/usr/bin/dumpcap");
    assertEquals(inShort(seen).map((each) => [each.interface, each.locked]), [[INTERFACE, false]]);
  }
  const confined = await inspect(dumpcap.pid, ...CONFINED);
  assertEquals(confined.outcome.code, 1);
  assertMatch(confined.check("INSP-09").observed, /^allowed: packet-socket/);
});

testNeeding(
  needing(PACKAGES.lldpd),
  "lldpd's worker has dropped its privileges, its monitor has not",
  async () => {
    await using lldpd = await startLldpd();
    for (const options of [[], ["--ask"]]) {
      const worker = await inspect(processOf(lldpd, LLDPD.worker), ...options);
      const { process, verdict } = worker.evidence;
      assertEquals([verdict, worker.outcome.code], ["PASS", 0]);
      assertEquals(worker.wrong, ["INSP-01 left out"]);
      assertEquals(process!.root, "/run/lldpd");
      assertEquals(process!.packet_sockets.map(({ locked, filter }) => [locked, filter!.length]), [
        [true, 25],
      ]);
      assertEquals(inShort(worker)[0].interface, INTERFACE);

      const monitor = await inspect(processOf(lldpd, LLDPD.monitor), ...options);
      assertEquals([monitor.evidence.verdict, monitor.outcome.code], ["FAIL", 1]);
      const refuted = ["INSP-01 left out", "INSP-03 fail", "INSP-05 fail"];
      assertEquals(monitor.wrong, [...refuted, ...besideAnother(options)]);
      assertMatch(
        monitor.check("INSP-03").observed,
        /CapPrm and CapEff 0*3002 \(CAP_DAC_OVERRIDE, CAP_NET_ADMIN, CAP_NET_RAW\)/,
      );
      assertEquals(monitor.evidence.process!.packet_sockets, []);
    }
  },
);

testNeeding(
  needing(PACKAGES.lldpd),
  "lldpd's worker may send, and not drop its filter",
  async () => {
    await using lldpd = await startLldpd();
    const seen = await inspect(processOf(lldpd, LLDPD.worker), ...CONFINED);
    assertEquals(seen.wrong, ["INSP-01 fail", "INSP-08 fail", "INSP-09 fail", "INSP-10 fail"]);
    const allowed = operations(seen, "allowed");
    for (const operation of [...SENDING, "rebind-all"]) assert(allowed.includes(operation));
    const refused = seen.evidence.matrix!.rows.filter(({ cells }) =>
      Object.values(cells).some(({ wall }) => wall === "lock")
    );
    assertEquals(refused.map(({ operation }) => operation), ["attach-filter", "detach-filter"]);
  },
);

testNeeding(
  needing(PACKAGES.dhcpcd),
  "dhcpcd's BPF process has dropped its privileges, its proxy is root",
  async () => {
    await using dhcpcd = await startDhcpcd();
    for (const title of [DHCPCD.bpf, DHCPCD.control, DHCPCD.manager]) {
      for (const options of [[], ["--ask"]]) {
        const { outcome, evidence, wrong } = await inspect(processOf(dhcpcd, title), ...options);
        const left = title === DHCPCD.bpf ? [] : besideAnother(options);
        assertEquals([evidence.verdict, outcome.code, wrong], ["PASS", 0, left], title);
        const [{ no_new_privs, seccomp, filters }] = evidence.process!.threads;
        assertEquals([no_new_privs, seccomp, filters], [1, 2, 1]);
      }
    }
    const proxy = await inspect(processOf(dhcpcd, DHCPCD.proxy));
    assertEquals([proxy.evidence.verdict, proxy.outcome.code], ["FAIL", 1]);
  },
);

testNeeding(
  needing(PACKAGES.dhcpcd),
  "dhcpcd's BPF process may send: the rest is refused by its filter",
  async () => {
    await using dhcpcd = await startDhcpcd();
    const pid = processOf(dhcpcd, DHCPCD.bpf);
    const unasked = await inspect(pid);
    assertEquals(operations(unasked, "allowed"), []);
    assert(operations(unasked, "cannot tell").includes("send"), "its filter is not known");

    const seen = await inspect(pid, ...CONFINED);
    assertEquals([seen.outcome.code, seen.wrong], [1, ["INSP-09 fail", "INSP-10 fail"]]);
    const [{ programs }] = seen.evidence.process!.filters!;
    assertEquals(programs.length, 1);
    assertMatch(programs[0].at(-1)!, /ret +KILL_THREAD/);
    assertEquals(inShort(seen).map((each) => [each.interface, each.locked, each.memberships]), [
      [INTERFACE, true, []],
    ]);
    const allowed = operations(seen, "allowed");
    const sent = SENDING.filter((operation) => allowed.includes(operation));
    assertEquals(sent, ["send", "sendto-elsewhere", "write", "send-message", "write-vector"]);
    assert(operations(seen, "killed").includes("rebind-all"));
    assertEquals(processOf(dhcpcd, DHCPCD.bpf), pid, "asking has not ended it");
  },
);

/** The processes of the table in docs/inspect.md. Each daemon is alone while it is inspected. */
const TABLE = [
  { start: () => startTcpdump("udp"), processes: { "`tcpdump -Z nobody`": "tcpdump" } },
  { start: startDumpcap, processes: { "`dumpcap`, started by root": "dumpcap" } },
  {
    start: startLldpd,
    processes: { "`lldpd`, worker": LLDPD.worker, "`lldpd`, monitor": LLDPD.monitor },
  },
  {
    start: startDhcpcd,
    processes: {
      "`dhcpcd`, BPF process": DHCPCD.bpf,
      "`dhcpcd`, privileged proxy": DHCPCD.proxy,
    },
  },
] as const;

testNeeding(
  needing(Object.assign({}, ...Object.values(PACKAGES))),
  "The table in docs/inspect.md is what inspect finds",
  async () => {
    const rows = [HEAD];
    for (const { start, processes } of TABLE) {
      await using daemon = await start();
      for (const [name, title] of Object.entries(processes)) {
        const pid = processOf(daemon, title);
        rows.push(rowOf(name, await inspect(pid), await inspect(pid, ...CONFINED)));
      }
    }
    const page = unpadded(Deno.readTextFileSync(`${ROOT}/docs/inspect.md`));
    assertEquals(rows.filter((row) => !page.includes(row)), [], rows.join("\n"));
  },
);
