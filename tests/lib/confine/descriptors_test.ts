import { assertEquals, assertMatch } from "@std/assert";
import {
  AF_INET,
  AF_UNIX,
  O_CLOEXEC,
  O_PATH,
  O_WRONLY,
  open,
  OwnedFd,
  pipe,
  rawSyscall,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  socket,
  socketpair,
} from "../../../ffi/mod.ts";
import { auditDescriptors } from "../../../lib/confine/descriptors.ts";

const O_RDONLY = 0, O_RDWR = 2;
const NONE = -1;
const udp = () => socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
const memfd = () => rawSyscall("memfd_create", new TextEncoder().encode("name\0"), 1);

/** Audits descriptors of this process, closes them, and returns the findings. */
function audited(fds: readonly number[], known: { channelFd?: number; packetFd?: number } = {}) {
  using owned = new DisposableStack();
  for (const fd of fds) owned.use(new OwnedFd(fd));
  const all = auditDescriptors({ channelFd: NONE, packetFd: NONE, ...known });
  return fds.map((fd) => all.find((each) => each.fd === fd)!);
}

type Case = [what: string, make: () => number[], refersTo: RegExp, access: string[]];

const UNEXPLAINED: Case[] = [
  ["a file for reading", () => [open("/etc/passwd", O_CLOEXEC)], /^\/etc\/passwd$/, ["r"]],
  ["a device for writing", () => [open("/dev/full", O_WRONLY)], /^\/dev\/full$/, ["w"]],
  ["a device for both", () => [open("/dev/zero", O_RDWR)], /^\/dev\/zero$/, ["rw"]],
  ["a folder", () => [open("/", O_RDONLY)], /^\/$/, ["r"]],
  ["a path that is not opened", () => [open("/etc", O_PATH)], /^\/etc$/, ["path"]],
  ["a file in memory", () => [memfd()], /^\/memfd:name \(deleted\)$/, ["rw"]],
  ["the ends of a pipe", () => [...pipe()], /^pipe:\[\d+\]$/, ["r", "w"]],
  ["a UDP socket", () => [udp()], /^socket:\[\d+\]$/, ["rw"]],
  ["a process", () => [rawSyscall("pidfd_open", Deno.pid, 0)], /^anon_inode:\[?pidfd|^pidfd/, [
    "rw",
  ]],
];

for (const [what, make, refersTo, access] of UNEXPLAINED) {
  Deno.test(`auditDescriptors() does not explain ${what}`, () => {
    const found = audited(make());
    for (const each of found) assertMatch(each.refersTo, refersTo);
    assertEquals(found.map((each) => [each.access, each.why]), access.map((a) => [a, undefined]));
  });
}

Deno.test("auditDescriptors() explains what the process was given, by its number", () => {
  const [channelFd, packetFd, other] = [udp(), udp(), udp()];
  const whys = audited([channelFd, packetFd, other], { channelFd, packetFd }).map(({ why }) => why);
  assertEquals(whys, ["its end of the control channel", "the passed socket", undefined]);
});

Deno.test("auditDescriptors() explains /dev/null, the event loop, and the runtime's own pair", () => {
  const cases: [make: () => number[], why: string][] = [
    [() => [open("/dev/null", O_RDONLY)], "/dev/null"],
    [() => [rawSyscall("eventfd2", 0, 0)], "the runtime's event loop"],
    [() => [...socketpair(AF_UNIX, SOCK_SEQPACKET, 0)], "the runtime's signal pipe"],
  ];
  for (const [make, why] of cases) {
    for (const each of audited(make())) assertEquals(each.why, why, each.refersTo);
  }
});

Deno.test("auditDescriptors() does not take somebody else's pair for the runtime's", async () => {
  const program = `
    import { auditDescriptors } from "${new URL(
    "../../../lib/confine/descriptors.ts",
    import.meta.url,
  )}";
    const of7 = auditDescriptors({ channelFd: -1, packetFd: -1 }).filter(({ fd }) => fd === 7);
    console.log(of7.map(({ why }) => why ?? "unexplained").join());`;
  const [ours, theirs] = socketpair(AF_UNIX, SOCK_SEQPACKET, 0);
  using _ours = new OwnedFd(ours);
  using _theirs = new OwnedFd(theirs);
  const { stdout } = await new Deno.Command("bash", {
    args: ["-c", `exec 7<&${theirs}; exec "$0" eval "$1"`, Deno.execPath(), program],
    stdin: "null",
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "unexplained\n");
});
