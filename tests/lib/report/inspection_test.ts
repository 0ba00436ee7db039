/** An inspection as text, as KTAP and as a page: what only these views of a process have. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Evidence, ExperimentEvidence } from "../../../lib/evidence/evidence.ts";
import type { InspectedProcess } from "../../../lib/evidence/inspected.ts";
import { renderHtml } from "../../../lib/report/html.ts";
import { renderTap } from "../../../lib/report/tap.ts";
import { renderText } from "../../../lib/report/text.ts";
import { storedInspection } from "../../support/stored.ts";

const text = (evidence: Evidence, amount: "quiet" | "normal" | "verbose" = "normal") =>
  renderText(evidence, { color: false, amount });

/** The stored inspection of one process, with changes. */
function inspection(
  which: number,
  process: Partial<InspectedProcess> = {},
  more: Partial<ExperimentEvidence> = {},
): Evidence {
  const stored = storedInspection();
  const each = stored.experiments[which];
  return {
    ...stored,
    experiments: [{ ...each, process: { ...each.process!, ...process }, ...more }],
  };
}

Deno.test("The text begins with the way back to root, and with differences between threads", () => {
  const beginnings = [0, 1].map((which) => text(inspection(which)).split("\n").slice(0, 4));
  assertEquals(beginnings, [
    [
      "=== Inspection of Process 4711 (tcpdump) ===",
      "",
      "  ! NoNewPrivs is 0: a set-uid file is a way back to root",
      "",
    ],
    [
      "=== Inspection of Process 812 (relay-worker) ===",
      "",
      "  ! The threads differ:",
      "  ! Thread 813 has CapEff 0000000000002000 (CAP_NET_RAW); the 5 others have none",
    ],
  ]);
});

Deno.test("The text has each part of a process", () => {
  const lines = text(inspection(1));
  for (
    const part of [
      "  Program: /usr/local/sbin/relay\n",
      "  Parent: 800 (relay), session 800\n",
      "  Threads: 6, of 2 kinds:\n    threads 812, 814, 815, 816, 817: uid 982, ",
      "  Namespaces: as here, but net:[4026532210]\n",
      "  Root folder: /var/empty\n",
      "  Asked: yes; it stood still for 1.3 ms\n",
      "Descriptors: 1411\n",
      "   6  socket:[91002]         read and write, packet socket, of thread 813 alone\n",
      "      … and 1403 more descriptors (see --json)\n",
      "  fd 5, fd 11: bound to mc0 (ifindex 7), IPv4 (0x0800), SOCK_DGRAM\n",
      "      also held by 800 (relay) as fd 9, 820 (relay-worker) as fd 5\n",
      "System call filters:\n  threads 812, 814, 815, 816, 817: 1 program of 7 instructions\n",
      "  4 allowed; expected: refused:\n      packet-socket, attach-filter (fd 6), ",
      "Known holes of Linux 6.18.44-fc-v669 behind these operations:\n  CVE-2025-38617 ",
      "  A version is not a proof: ",
      "Not seen:\n  - Its mappings: /proc/812/maps: Permission denied (EACCES)\n",
      "    · ✗ INSP-03 thread 813: CapPrm and CapEff 0000000000002000 (CAP_NET_RAW)\n",
      "✗ FAILURE: 3 of 7 checks do not hold\n",
    ]
  ) assertStringIncludes(lines, part);
  assertEquals(/Interface:|Running as|\[Parent|undefined|NaN/.test(lines), false);
});

Deno.test("The text has filters, reasons and every known hole if verbose alone", () => {
  const only = [
    "(000) ldb      [0]",
    "0005: return ERRNO(1)",
    "detach-filter           fd 5: EPERM (lock: its filter is locked)\n" +
    `${" ".repeat(26)}fd 6: allowed, expected: refused\n`,
    "CVE-2020-14386 tpacket_rcv: fixed",
    "seen by: fdpass, from outside",
  ];
  for (const part of only) {
    assertStringIncludes(text(inspection(1), "verbose"), part);
    assertEquals(text(inspection(1)).includes(part), false, part);
  }
});

Deno.test("The text of an inspection reads at 100 columns", () => {
  for (const amount of ["normal", "verbose"] as const) {
    const wide = text(storedInspection(), amount).split("\n").filter((line) => line.length > 100);
    // A line for each process, for grep; and the evidence, which is JSON.
    assertEquals(wide.filter((line) => !/^ +(INCONCLUSIVE|evidence:)/.test(line)), []);
  }
});

Deno.test("The text of a process that was not seen has the reason, and no part of a process", () => {
  const { experiments, ...run } = storedInspection();
  const lines = text({ ...run, experiments: [experiments[2]] });
  assertStringIncludes(lines, "\n  Process 4099 ended while it was looked at\n");
  assertEquals(/Threads|Descriptors|may do/.test(lines), false);
});

Deno.test("The text of a process without a packet socket says so", () => {
  assertStringIncludes(text(inspection(0, { packet_sockets: [] })), "\nPacket sockets: none\n");
});

Deno.test("The checks that no line names are listed too", () => {
  const lines = text(inspection(0, {}, { steps: [] }));
  const ids = inspection(0).experiments[0].checks.map(({ id }) => id);
  assertEquals([...lines.matchAll(/^ {4}· [✓–] (INSP-\d\d) /gm)].map(([, id]) => id), ids);
});

Deno.test("Several inspections end with a line for each, by its process", () => {
  const expected = [
    "PASS inspect: Process 4711 (tcpdump): 6 of 7 checks hold",
    "FAIL inspect: Process 812 (relay-worker): 3 of 7 checks hold",
    "INCONCLUSIVE inspect: Process 4099: 0 of 7 checks hold; " +
    "Process 4099 ended while it was looked at",
    "✗ FAIL: 1 of 3 inspections are a PASS",
    "",
  ];
  assertEquals(text(storedInspection(), "quiet").split("\n"), expected);
  assertStringIncludes(text(storedInspection()), "=== All Inspections ===\n");
});

/** A process with more of everything than anybody reads. */
function crowd(number: number): Partial<InspectedProcess> {
  const { threads, descriptors, packet_sockets, known_holes } = storedInspection().experiments[0]
    .process!;
  const times = <T>(make: (i: number) => T) => Array.from({ length: number }, (_, i) => make(i));
  const words = times((i) => `sentence ${i} ${"word ".repeat(40)}`);
  const [socket] = packet_sockets;
  const holders = times((i) => ({ pid: i + 1, name: "holder", fd: 3 }));
  return {
    command: words,
    threads: times((i) => ({ ...threads[0], tids: [i + 1], uids: [i, i, i, i] })),
    ...{ differences: words, hidden: words, unseen: words },
    descriptors: times((fd) => ({ ...descriptors[0], fd })),
    packet_sockets: times((fd) => ({ ...socket, fds: [fd], holders, memberships: words })),
    filters: times((i) => ({ tids: [i + 1], programs: [times((line) => `${line}: ld`)] })),
    known_holes: known_holes.slice(0, 1),
  };
}

Deno.test("Long lists are cut, with a count of what is left out", () => {
  const evidence = inspection(0, crowd(1000));
  const normal = text(evidence);
  for (
    const rest of ["1990 such lines", "988 descriptors", "988 packet sockets", "992 kinds"]
  ) assertStringIncludes(normal, `… and ${rest.replace(" ", " more ")} (see --json)`);
  assert(normal.split("\n").length < 500, `${normal.split("\n").length} lines`);
  for (const view of [text(evidence, "verbose"), renderHtml(evidence), renderTap(evidence)]) {
    assert(view.length < 20_000_000, `${view.length} characters`);
  }
});

Deno.test("KTAP names the process, and has the warnings before its checks", () => {
  const lines = renderTap(storedInspection()).split("\n");
  const warning = lines.indexOf("  # NoNewPrivs is 0: a set-uid file is a way back to root");
  assert(warning > 0 && warning < lines.findIndex((line) => line.includes("INSP-01")));
  assert(lines.includes("not ok 2 - inspect: Process 812 (relay-worker)"));
  assertEquals(lines.filter((line) => /interface|user unknown/.test(line)), []);
});

Deno.test("The page repeats the command on this machine, and names no interface", () => {
  const page = renderHtml(storedInspection());
  assertStringIncludes(page, "<pre>scripts/fdpass.sh inspect --ask 4711 812 4099</pre>");
  assertEquals(/netns\.sh|Target user|<svg/.test(page), false);
  assertStringIncludes(page, "What can this process still do?</h1>");
});
