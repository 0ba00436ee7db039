import { assertEquals } from "@std/assert";
import type { ExperimentEvidence } from "../../../lib/evidence/evidence.ts";
import { inShort, routineOf } from "../../../lib/report/html/calls.ts";
import { eventsOf } from "../../../lib/report/html/events.ts";
import { html, lines } from "../../../lib/report/html/markup.ts";
import { decodeFrame, hexDump, inClockTime } from "../../../lib/report/html/packets.ts";
import { storedEvidence } from "../../support/stored.ts";

Deno.test("html`` escapes values, and leaves markup alone", () => {
  const inner = html`<b>${"<&>\"'"}</b>`;
  assertEquals(inner.text, "<b>&lt;&amp;&gt;&quot;&#39;</b>");
  assertEquals(html`<p>${inner}${[inner]}${7}</p>`.text, `<p>${inner.text}${inner.text}7</p>`);
  assertEquals(html`${"a\n\x1b\ud800"}`.text, "a\\u{a}\\u{1b}\ufffd");
});

Deno.test("lines() keeps line breaks, and escapes each line", () => {
  assertEquals(lines("<a>\n\r<b>").text, "&lt;a&gt;\n\\u{d}&lt;b&gt;");
});

Deno.test("eventsOf() shows the drop once, after the call and before its proof", () => {
  const events = eventsOf(storedEvidence().experiments[0]);
  const drops = events.filter(({ kind }) => kind === "drop");
  assertEquals(drops.length, 1);
  const at = events.indexOf(drops[0]);
  const calls = (some: typeof events) =>
    some.flatMap((each) => each.kind === "call" && each.side === "child" ? [each.text] : []);
  const drop = calls(events.slice(0, at)).slice(-3);
  assertEquals(drop.map((text) => text.replaceAll("\u00a0", " ")), [
    "setgroups(0, []) = 0",
    "setresgid(65534, 65534, 65534) = 0",
    "setresuid(65534, 65534, 65534) = 0",
  ]);
  assertEquals(calls(events.slice(at)).every((text) => text.endsWith("EPERM")), true);
  const proof = events.findIndex((each) =>
    each.kind === "line" && each.checks.some(({ id }) => id === "DROP-03")
  );
  assertEquals(proof > at, true);
});

Deno.test("eventsOf() shows the drop before the line that follows it, if no check names it", () => {
  const [experiment] = storedEvidence().experiments;
  const step = { side: "child", at_ms: 1 } as const;
  const line = { kind: "done", text: "uid 65534", checks: [], at_ms: 2 } as const;
  const steps = [
    { ...step, title: "making rings", privileged: true, lines: [line] },
    { ...step, title: "dropping", privileged: true, lines: [line] },
    { ...step, title: "receiving", privileged: false, lines: [line] },
  ];
  const kinds = eventsOf({ ...experiment, steps, calls: null }).map(({ kind }) => kind);
  assertEquals(kinds, ["step", "line", "step", "drop", "line", "step", "line"]);
});

Deno.test("eventsOf() names the DROP checks that fail", () => {
  const evidence = JSON.parse(JSON.stringify(storedEvidence().experiments[0]));
  evidence.checks.find(({ id }: { id: string }) => id === "DROP-02").status = "fail";
  const drop = eventsOf(evidence).find(({ kind }) => kind === "drop");
  assertEquals(drop?.kind === "drop" && drop.refuted, ["DROP-02"]);
});

Deno.test("eventsOf() without calls draws the important ones once, on the side that makes them", () => {
  const [experiment] = storedEvidence().experiments;
  const steps = [...experiment.steps, ...experiment.steps];
  const calls = eventsOf({ ...experiment, steps, calls: null })
    .filter(({ kind }) => kind === "call");
  assertEquals(calls.length, 4);
});

Deno.test("eventsOf() orders events by time, and includes every call", () => {
  const [experiment] = storedEvidence().experiments;
  const events = eventsOf(experiment);
  const times = events.map(({ at }) => at);
  assertEquals(times, times.toSorted((a, b) => a - b));
  const count = (text: string) =>
    text === "" ? 0 : text.split(", ").map((each) => Number(each.split("×")[1] ?? 1))
      .reduce((a, b) => a + b);
  const drawn = events.map((each) =>
    each.kind === "call" ? 1 : each.kind === "routine" ? count(each.parent) + count(each.child) : 0
  ).reduce((a, b) => a + b);
  assertEquals(drawn, experiment.calls!.list.length);
});

const call = (side: "parent" | "child", text: string) => ({
  ...{ side, text, pid: 1, tid: 1, at_ms: 1, took_ms: 0 },
});

Deno.test("inShort() drops redundant parts of a call, and keeps the rest", () => {
  const short = (text: string) => inShort(call("child", text)).replaceAll("\u00a0", " ");
  assertEquals(
    short(
      "socket(domain: AF_PACKET (17), type: SOCK_RAW|SOCK_CLOEXEC (0x80003), protocol: 0) = 24",
    ),
    "socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, 0) = 24",
  );
  assertEquals(
    short("setresuid(ruid: 0, euid: 0, suid: 0) = -1 EPERM (Operation not permitted)"),
    "setresuid(0, 0, 0) = EPERM",
  );
  assertEquals(
    short("syscall(number: seccomp (317), arg1: 1, arg2: 1, arg3: 0x565445c32470) = 0"),
    "seccomp(1, 1, 0x565445c32470) = 0",
  );
  assertEquals(short("bind(sockfd: 24, addr: →, addrlen: 20) = 0"), "bind(24, …, 20) = 0");
  assertEquals(short("no call at all"), "no call at all");
});

Deno.test("routineOf() counts each side's calls by name, in order of first use", () => {
  const calls = ["open()", "read()", "read()", "close()"].map((text) => call("child", text));
  const { at, parent, child } = routineOf([...calls, call("parent", "poll()")])!;
  assertEquals([at, parent, child], [1, "poll", "open, read\u00a0×2, close"]);
  assertEquals(routineOf([]), undefined);
});

Deno.test("eventsOf() shows no drop if no child reported one", () => {
  const cut = storedEvidence().experiments.find(({ error }) => error !== null)!;
  assertEquals(eventsOf(cut).filter(({ kind }) => kind === "drop").length, 0);
});

Deno.test("eventsOf() draws a limited number of events, and says how many are left", () => {
  const [experiment] = storedEvidence().experiments;
  const [step] = experiment.steps;
  const steps = new Array(1000).fill({ ...step, lines: [] });
  const events = eventsOf({ ...experiment, steps, calls: null } as ExperimentEvidence);
  assertEquals(events.length, 241);
  assertEquals(events.at(-1), { kind: "rest", at: step.at_ms, count: 760 });
});

const bytes = (text: string) => Uint8Array.fromHex(text.replaceAll(/\s/g, ""));

Deno.test("decodeFrame() reads Ethernet, IPv4, IPv6 and UDP, and nothing beyond the end", () => {
  const ethernet = "01005e000001 020000000001";
  const ipv4 = bytes(
    `${ethernet} 0800 45 00 001d 0000 0000 01 11 0000 c0000201 ef000001 138c 138d 0009 0000 41`,
  );
  assertEquals(decodeFrame(ipv4, "ethernet"), [
    ["to", "01:00:5e:00:00:01"],
    ["from", "02:00:00:00:00:01"],
    ["EtherType", "0x0800"],
    ["IPv4", "192.0.2.1 → 239.0.0.1"],
    ["protocol", "17"],
    ["TTL", "1"],
    ["total length", "29"],
    ["UDP", "port 5004 → 5005, length 9"],
  ]);
  const address = "20010db8000000000000000000000001";
  const ipv6 = bytes(
    `${ethernet} 86dd 60000000 0009 11 ff ${address} ${address} 0001000200090000 41`,
  );
  assertEquals(decodeFrame(ipv6, "ethernet").slice(3), [
    ["IPv6", "2001:db8:0:0:0:0:0:1 → 2001:db8:0:0:0:0:0:1"],
    ["next header", "17"],
    ["hop limit", "255"],
    ["payload length", "9"],
    ["UDP", "port 1 → 2, length 9"],
  ]);
  for (const frame of [ipv4, ipv6]) {
    for (let length = 0; length < frame.length; length++) {
      for (const [, value] of decodeFrame(frame.subarray(0, length), "ethernet")) {
        assertEquals(/undefined|NaN/.test(value), false);
      }
    }
  }
});

Deno.test("decodeFrame() shows VLAN tags, the outer one first, and the packet within", () => {
  const tagged = bytes(
    `01005e000001 020000000001 88a8 e007 8100 0005 0800` +
      `45 00 001d 0000 0000 01 11 0000 c0000201 ef000001 138c 138d 0009 0000 41`,
  );
  assertEquals(decodeFrame(tagged, "ethernet").slice(2, 6), [
    ["VLAN", "7, priority 7 (0x88a8)"],
    ["VLAN", "5, priority 0 (0x8100)"],
    ["EtherType", "0x0800"],
    ["IPv4", "192.0.2.1 → 239.0.0.1"],
  ]);
  for (let length = 0; length < tagged.length; length++) {
    for (const [, value] of decodeFrame(tagged.subarray(0, length), "ethernet")) {
      assertEquals(/undefined|NaN/.test(value), false);
    }
  }
});

Deno.test("decodeFrame() of a bare packet shows no Ethernet", () => {
  const packet = bytes("45 00 001d 0000 0000 01 11 0000 c0000201 ef000001 138c 138d 0009 0000 41");
  assertEquals(decodeFrame(packet, "ip").map(([name]) => name), [
    ...["IPv4", "protocol", "TTL", "total length", "UDP"],
  ]);
  assertEquals(decodeFrame(Uint8Array.of(8, 6), "ip"), []);
});

Deno.test("hexDump() shows sixteen bytes a row, and printable characters as text", () => {
  assertEquals(
    hexDump(bytes("3c623e 00 1b 7f 80 ff 41424344454647 48 49")),
    "0000  3c 62 3e 00 1b 7f 80 ff 41 42 43 44 45 46 47 48  <b>.....ABCDEFGH\n" +
      `0010  49${" ".repeat(45)}  I`,
  );
});

Deno.test("inClockTime() keeps nanoseconds, and returns other texts unchanged", () => {
  assertEquals(inClockTime("1700000000123456789"), "22:13:20.123456789");
  assertEquals(inClockTime("17"), "17");
});
