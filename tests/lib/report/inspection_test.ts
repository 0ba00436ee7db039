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
      "=== Inspection of Process 6 (tcpdump) ===",
      "",
      "  ! NoNewPrivs is 0: a set-uid file is a way back to root",
      "",
    ],
    [
      "=== Inspection of Process 20 (relay-worker) ===",
      "",
      "  ! The threads differ:",
      "  ! thread 21: CapPrm 0000000000002000 (CAP_NET_RAW), 3 others 0",
    ],
  ]);
});

Deno.test("The text has each part of a process", () => {
  const lines = text(inspection(1));
  for (
    const part of [
      "  Program: /usr/local/sbin/relay\n",
      "  Parent: 6 (deno), session 0\n",
      "  Threads: 4, of 3 kinds:\n    threads 22, 23: uid 982, gid 982, groups 42 982, ",
      "  Namespaces: as here\n",
      "  Root folder: /\n",
      "  Asked: yes; it stood still for 37.8 ms\n",
      "Descriptors: 19\n",
      "   3  socket:[19891045]      read and write, packet socket\n",
      "   8  anon_inode:[io_uring]  read and write, io_uring with 1 registered file\n",
      "   0  pipe:[19891042]        read, of thread 21 alone\n",
      "      … and 7 more descriptors (see --json)\n",
      "  fd 3: bound to eth0 (ifindex 3), all protocols (0x0003), SOCK_RAW\n" +
      "      a filter of 4 instructions, locked, fanout group 12673 (PACKET_FANOUT_HASH), no ring\n" +
      "      also held by 21 (helper) as fd 3\n",
      "System call filters:\n  thread 20: 1 program of 15 instructions\n",
      "  1 allowed that should be refused:\n      packet-socket\n",
      " attach-filter (fd 4), detach-filter (fd 4), ",
      "  1 cannot be told (the kernel does not list its personalities):\n      early-personality\n",
      "Known holes of Linux 6.18.44-fc-v595 behind these operations:\n  CVE-2025-38617 ",
      "  A version is not a proof: ",
      "Not seen:\n  - credentials registered with the io_uring at descriptor 8: ",
      "    · ✗ INSP-04 group 42 on all 4 threads\n",
      "✗ FAILURE: 3 of 7 checks do not hold\n",
    ]
  ) assertStringIncludes(lines, part);
  assertEquals(/Interface:|Running as|\[Parent|undefined|NaN/.test(lines), false);
});

Deno.test("docs/inspect.md shows what the inspection of tcpdump prints", () => {
  const page = Deno.readTextFileSync(new URL("../../../docs/inspect.md", import.meta.url));
  const [shown] = page.match(/(?<=^```text\n)=== Inspection[^]*?(?=^```$)/m) ?? [];
  assertEquals(shown, text(inspection(0, { known_holes: [] })));
});

Deno.test("The text has filters, reasons and every known hole if verbose alone", () => {
  const only = [
    "(000) ldh      [12]",
    "attach-filter           fd 3: EPERM (filter: ",
    `${" ".repeat(26)}fd 4: allowed\n`,
    "CVE-2020-14386 tpacket_rcv: fixed",
    "seen by: fdpass, from outside",
    "Seen:\n  on Linux 6.18.44-fc-v595 (x86_64), glibc 2.36, Deno 2.9.6, as root (UID 0)\n",
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
  assertStringIncludes(
    lines,
    "\n  There is no process 4099. Name a process that runs: ps -e lists them\n",
  );
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
    "PASS inspect: Process 6 (tcpdump): 6 of 7 checks hold, 1 left out",
    "FAIL inspect: Process 20 (relay-worker): 0 of 7 checks hold",
    "INCONCLUSIVE inspect: Process 4099: 0 of 7 checks hold; " +
    "There is no process 4099. Name a process that runs: ps -e lists them",
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
  assert(lines.includes("not ok 2 - inspect: Process 20 (relay-worker)"));
  assertEquals(lines.filter((line) => /interface|user unknown/.test(line)), []);
});

Deno.test("The page repeats the command on this machine, and names no interface", () => {
  const page = renderHtml(storedInspection());
  assertStringIncludes(page, "<pre>scripts/fdpass.sh inspect --ask 6 20 4099</pre>");
  assertEquals(/netns\.sh|Target user|<svg/.test(page), false);
  assert(/<th scope="row">Running as<\/th>\s*<td>root \(UID 0\)<\/td>/.test(page));
  assertStringIncludes(page, "Has the running process lost every privilege?</h1>");
});

Deno.test("Holes that came later count with the fixed ones, and are listed under -v only", () => {
  const [hole] = storedInspection().experiments[0].process!.known_holes;
  const known_holes = (["open", "fixed", "not affected"] as const)
    .map((status, i) => ({ ...hole, status, cve: `CVE-2026-${1000 + i}`, reachable: true }));
  const evidence = inspection(0, { known_holes });
  assertStringIncludes(
    text(evidence),
    "2 of 3 are fixed in this version, or entered the kernel after it",
  );
  const listed = (shown: string) => [...shown.matchAll(/CVE-2026-100\d/g)].map(([cve]) => cve);
  assertEquals(listed(text(evidence)), ["CVE-2026-1000"]);
  assertEquals(new Set(listed(text(evidence, "verbose"))).size, 3);
});
