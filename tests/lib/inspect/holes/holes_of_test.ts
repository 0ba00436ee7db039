/** Known holes: the table, the status in a version, and whether a process reaches them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { PROTECTIONS } from "../../../../lib/confine/protections.ts";
import { receiveOnlyPolicy } from "../../../../lib/confine/policy.ts";
import { compileFilter } from "../../../../ffi/seccomp/seccomp.ts";
import type { InspectedSocket } from "../../../../lib/evidence/inspected.ts";
import { OPERATION_NAMES } from "../../../../lib/evidence/operations.ts";
import {
  holesOf,
  isReachable,
  type Reach,
  statusOf,
} from "../../../../lib/inspect/holes/holes_of.ts";
import {
  compareSeries,
  parseKernel,
  parseVersion,
} from "../../../../lib/inspect/holes/kernel_version.ts";
import {
  CHECKED_ON,
  isTriggeredByHolding,
  KNOWN_HOLES,
  LEFT_OUT,
  NOT_CHECKED,
  operationsOf,
} from "../../../../lib/inspect/holes/known_holes.ts";
import { predict } from "../../../../lib/inspect/prediction/predict.ts";
import type { SocketState, Subject } from "../../../../lib/inspect/subject.ts";
import {
  askedSubject,
  askedThread,
  credentials,
  daemon,
  filterOf,
  packetSocket,
  subject,
  surroundings,
} from "../../../support/subjects.ts";

const holeOf = (cve: string) => KNOWN_HOLES.find((each) => each.cve === `CVE-${cve}`)!;

Deno.test("Every record is well formed", () => {
  assertMatch(CHECKED_ON, /^20\d\d-\d\d-\d\d$/);
  const names = [
    ...KNOWN_HOLES.map(({ cve }) => cve),
    ...Object.keys({ ...LEFT_OUT, ...NOT_CHECKED }),
  ];
  assertEquals(new Set(names).size, names.length);
  for (const cve of names) assertMatch(cve, /^CVE-20\d\d-\d{4,6}$/);
  for (const hole of KNOWN_HOLES) {
    const { cve, function: name, source, touchedBy, versions } = hole;
    assertMatch(name, /^[a-z_]+$/, cve);
    assert(source.endsWith(`=${cve}`), cve);
    for (const operation of operationsOf(hole)) assert(OPERATION_NAMES.includes(operation), cve);
    if (touchedBy !== null) assert(touchedBy.protection in PROTECTIONS, cve);
    const { introduced, mainline, series } = versions;
    for (
      const each of [mainline, ...Object.keys(series), ...introduced === null ? [] : [introduced]]
    ) {
      assertEquals(parseVersion(each), { series: each, patch: 0, isCandidate: false }, cve);
    }
    if (introduced !== null) assert(compareSeries(introduced, mainline) < 0, cve);
    const order = Object.keys(series);
    assertEquals(order, [...order].sort(compareSeries), cve);
    for (const [each, releases] of Object.entries(series)) {
      assert(compareSeries(each, mainline) < 0, `${cve} ${each}`);
      if (typeof releases === "number") assert(releases > 0, cve);
      else assert(releases.fixed === null || releases.from < releases.fixed, cve);
    }
  }
});

const status = (cve: string, release: string, build = "#1 SMP") =>
  statusOf(parseKernel(release, build), holeOf(cve).versions).status;

Deno.test("A status changes with the release that has the fix", () => {
  for (const { cve, versions } of KNOWN_HOLES) {
    const name = cve.slice("CVE-".length);
    assertEquals(status(name, versions.mainline), "fixed", cve);
    assertEquals(status(name, "99.0"), "fixed", cve);
    for (const [series, releases] of Object.entries(versions.series)) {
      const { from, fixed } = typeof releases === "number"
        ? { from: 0, fixed: releases }
        : releases;
      const at = (patch: number) => status(name, `${series}.${patch}`);
      assertEquals(at(from), "open", `${cve} ${series}.${from}`);
      if (from > 0) assertEquals(at(from - 1), "not affected", `${cve} ${series}.${from - 1}`);
      if (fixed === null) continue;
      assertEquals([at(fixed - 1), at(fixed)], ["open", "fixed"], `${cve} ${series}.${fixed}`);
    }
  }
});

Deno.test("A status follows the record, and nothing else", () => {
  const cases: readonly [cve: string, release: string, status: string][] = [
    ["2026-74668", "6.18.44", "open"],
    ["2026-74668", "6.18.45", "fixed"],
    ["2026-74668", "6.18.44-fc-v595", "open"],
    ["2026-74668", "6.19.5", "open"],
    ["2026-74668", "7.1.8", "open"],
    ["2026-74668", "7.1.10", "fixed"],
    ["2026-74668", "7.2", "fixed"],
    ["2026-74668", "7.2.0-rc2", "cannot tell"],
    ["2026-74668", "7.3.0-rc1", "fixed"],
    ["2026-74668", "7.1.0-rc7", "cannot tell"],
    ["2026-74667", "5.0.21", "not affected"],
    ["2026-74667", "5.1.0-rc3", "cannot tell"],
    ["2024-57901", "6.11.3", "open"],
    ["2024-57901", "6.10.2", "not affected"],
    ["2024-57901", "6.10.14", "open"],
    ["2024-57901", "6.1.90", "not affected"],
    ["2023-54030", "6.1.170", "open"],
    ["2021-22600", "4.19.200", "cannot tell"],
    ["2016-8655", "4.8.17", "cannot tell"],
    ["2016-8655", "4.10", "fixed"],
    ["2016-8655", "unknown", "cannot tell"],
  ];
  for (const [cve, release, expected] of cases) {
    assertEquals(status(cve, release), expected, `${cve} in ${release}`);
  }
});

Deno.test("A distribution's kernel is never called open, and fixed only if its base is", () => {
  const debian = (base: string) => `#1 SMP PREEMPT_DYNAMIC Debian ${base} (2026-01-01)`;
  const cases: readonly [cve: string, release: string, build: string, status: string][] = [
    ["2026-31504", "6.1.0-40-amd64", debian("6.1.168-1"), "fixed"],
    ["2026-31504", "6.1.0-39-amd64", debian("6.1.167-1"), "cannot tell"],
    ["2024-57901", "6.1.0-18-amd64", debian("6.1.76-1"), "cannot tell"],
    ["2026-31504", "5.15.0-91-generic", "#101-Ubuntu SMP", "cannot tell"],
    ["2020-14386", "5.15.0-91-generic", "#101-Ubuntu SMP", "fixed"],
    ["2026-74667", "4.18.0-553.el8_10.x86_64", "#1 SMP", "cannot tell"],
    ["2026-31504", "5.14.0-427.el9.x86_64", "#1 SMP", "cannot tell"],
    ["2017-7308", "5.14.0-427.el9.x86_64", "#1 SMP", "fixed"],
    ["2026-31504", "5.14.21-150500.55.39-default", "#1 SMP", "cannot tell"],
  ];
  for (const [cve, release, build, expected] of cases) {
    assertEquals(status(cve, release, build), expected, `${cve} in ${release} ${build}`);
  }
  const { why } = statusOf(
    parseKernel("5.15.0-91-generic", "#101-Ubuntu SMP"),
    holeOf("2026-31504").versions,
  );
  assertMatch(why, /^Ubuntu adds fixes .*5\.15: see .*ubuntu\.com/);
});

/** A machine without user namespaces. */
const ALONE = surroundings({ maxUserNamespaces: "0" });

/** A process without siblings, and what differs. */
const lonely = (different: Parameters<typeof daemon>[0] = {}) =>
  daemon({ siblings: { dumpable: [], undumpable: [] }, ...different });

/** What a process reaches, with its packet sockets as descriptors show them. */
function reachOf(
  of: Subject,
  different: Partial<Reach["sockets"]> = {},
  vnet_hdr = false,
  around = ALONE,
): Reach {
  const shown = of.sockets.map(({ link }) => ({ link, vnet_hdr }) as InspectedSocket);
  return {
    predictions: predict(of, around),
    sockets: { states: of.sockets, shown, hidden: [], missing: [], ...different },
  };
}

const reaches = (cve: string, reach: Reach) => isReachable(holeOf(cve), reach);

/** A worker under the receive-only filter, with such a packet socket. */
function worker(different: Partial<SocketState> = {}): Subject {
  const policy = receiveOnlyPolicy({ packetFd: 5, channelFd: 3, ioUring: false, pid: 100 });
  const confined = askedSubject(
    askedThread([compileFilter(policy)], {
      credentials: credentials({ seccomp: 2, filters: 1, noNewPrivs: 1 }),
    }),
  );
  return { ...confined, sockets: [packetSocket(different)] };
}

Deno.test("The holder of a packet socket reaches whatever needs no capability", () => {
  const holder = reachOf(subject(lonely()));
  for (const { cve, type } of KNOWN_HOLES) {
    const expected = type === "SOCK_DGRAM" ? false : true;
    assertEquals(reaches(cve.slice("CVE-".length), holder), expected, cve);
  }
  const datagrams = reachOf(subject(lonely(), [packetSocket({ type: "SOCK_DGRAM" })]));
  assertEquals(reaches("2024-57901", datagrams), true);
  assertEquals(reaches("2024-57902", datagrams), true);
});

Deno.test("Behind the receive-only filter only those stay that holding the socket triggers", () => {
  const confined = reachOf(worker());
  for (const hole of KNOWN_HOLES) {
    const found = isReachable(hole, confined);
    if (!isTriggeredByHolding(hole)) assertEquals(found, false, hole.cve);
    else assert(found !== true || hole.setup.length === 0, hole.cve);
  }
  const open = holesOf(parseKernel("6.18.44", "#1 SMP"), confined)
    .filter(({ status }) => status === "open");
  assertEquals(open.map(({ reachable }) => reachable), [false, false, false, false]);
  // Options that a parent may have set cannot be seen; rings and groups can.
  assertEquals(reaches("2026-53223", confined), null);
  assertEquals(reaches("2022-48839", confined), false);
  assertEquals(reaches("2022-48839", reachOf(worker({ rings: ["rx"] }))), true);
  assertEquals(reaches("2020-14386", reachOf(worker({ rings: ["rx"] }))), false);
  assertEquals(reaches("2020-14386", reachOf(worker({ rings: ["rx"] }), {}, true)), true);
  assertEquals(reaches("2024-57901", reachOf(worker({ type: "SOCK_DGRAM" }))), true);
});

Deno.test("The fanout pin makes a hole reachable, and the reason names it", () => {
  assertEquals(reaches("2026-31504", reachOf(worker({ isPinned: false }))), false);
  assertEquals(reaches("2026-31504", reachOf(worker({ isPinned: undefined }))), null);
  const pinned = reachOf(worker({ isPinned: true }));
  assertEquals(reaches("2026-31504", pinned), true);
  const [hole] = holesOf(parseKernel("6.18.20", "#1 SMP"), pinned, [holeOf("2026-31504")]);
  assertEquals([hole.status, hole.reachable, hole.operations], ["open", true, ["fanout-join"]]);
  assertMatch(hole.reason, /^6\.18\.21 has the fix.*it takes .*protection fanout-pin touches it/);
});

Deno.test("What cannot be seen is never called unreachable", () => {
  const cannotTell = (cve: string, reach: Reach) => assertEquals(reaches(cve, reach), null, cve);
  const unseen = { hidden: ["one in flight"] };
  cannotTell("2026-74582", reachOf(worker(), unseen));
  cannotTell("2026-74582", reachOf(worker(), { missing: ["descriptor 7"] }));
  // A filter whose content is not known.
  const filtered = lonely({ threads: [credentials({ seccomp: 2, filters: 1 })] });
  cannotTell("2026-74582", reachOf(subject(filtered)));
  cannotTell("2026-74666", reachOf(subject(filtered)));
  // An io_uring sets the options that the filter refuses.
  const noOptions = askedSubject(
    askedThread([filterOf({ syscall: "setsockopt", action: "EPERM" })]),
  );
  cannotTell("2026-74666", reachOf(noOptions));
  // A process that may make a socket of the other type.
  const maker = lonely({ netRaw: new Map([[100, true]]) });
  cannotTell("2024-57901", reachOf(subject(maker)));
  // One that may take the socket of a sibling.
  cannotTell("2024-57901", reachOf(subject(daemon())));
  cannotTell("2026-74582", reachOf(subject(daemon(), [])));
});

Deno.test("A process without a packet socket reaches a hole only if it may make one", () => {
  const without = (netRaw: boolean | undefined) =>
    reachOf(subject(lonely({ netRaw: new Map([[100, netRaw]]) }), []));
  for (const cve of ["2026-74582", "2024-57901", "2026-74666"]) {
    assertEquals(reaches(cve, without(false)), false, cve);
    assert(reaches(cve, without(true)) !== false, cve);
    assertEquals(reaches(cve, without(undefined)), null, cve);
  }
  assertEquals(reaches("2024-57901", without(true)), true);
  assertEquals(reaches("2026-74666", without(true)), true);
  assertEquals(reaches("2024-57901", reachOf(subject(lonely(), []), { hidden: ["one"] })), null);
});

Deno.test("A user namespace gives a process a packet socket of its own", () => {
  const inNamespace = reachOf(subject(lonely(), []), {}, false, surroundings());
  assertEquals(reaches("2024-57901", inNamespace), true);
  assertEquals(reaches("2026-74582", inNamespace), null);
  assertEquals(reaches("2024-57901", reachOf(subject(lonely(), []))), false);
});
