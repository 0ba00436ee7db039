import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  assemble,
  attachFilter,
  bpfReturn,
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETUID,
  detachFilter,
  errnoName,
  errnoOf,
  ETH_P_ALL,
  if_nametoindex,
  OwnedFd,
  PACKET_FANOUT,
  PR_SET_PDEATHSIG,
  prctl,
  setsockopt,
  SOL_PACKET,
} from "../../../ffi/mod.ts";
import { controlChannelPair } from "../../../lib/harness/channel.ts";
import { CannotAnswer } from "../../../lib/evidence/errors.ts";
import { bindPacketSocket, openPacketSocket } from "../../../lib/packets/socket.ts";
import {
  ALL_PROTECTIONS,
  birthUnder,
  closeUnknownDescriptors,
  isProtection,
  launcherFor,
  type Protection,
  PROTECTIONS,
  protectSocket,
  protectWorker,
  requireBirth,
  USUAL_LAUNCHER,
} from "../../../lib/confine/protections.ts";
import { testNeeding } from "../../support/needs.ts";
import { ROOT } from "../../support/programs.ts";

Deno.test("PROTECTIONS stand in the order in which the file says that they are put on", () => {
  const text = Deno.readTextFileSync(`${ROOT}/lib/confine/protections.ts`);
  const theory = text.slice(0, text.indexOf("@module"));
  const places = ALL_PROTECTIONS.map((name) => theory.indexOf(`\`${name}\``));
  assertEquals(places.filter((place) => place < 0), []);
  assertEquals(places, places.toSorted((one, other) => one - other));
  assertEquals(ALL_PROTECTIONS, Object.keys(PROTECTIONS) as Protection[]);
  assertEquals(ALL_PROTECTIONS.at(-1), "receive-only"); // it forbids to put on the others
});

Deno.test("PROTECTIONS say what each takes away", () => {
  for (const words of Object.values(PROTECTIONS)) assertMatch(words, /\w+ \w+/);
});

Deno.test("isProtection() knows the names and nothing else", () => {
  assertEquals(ALL_PROTECTIONS.filter(isProtection), ALL_PROTECTIONS);
  for (const other of ["", "plain", "hardened", "toString", "__proto__", 0, null, undefined, []]) {
    assertEquals(isProtection(other), false, String(other));
  }
});

const NOBODY = { uid: 65534, gid: 65533 };

Deno.test("launcherFor() is a program with its arguments, and no shell", () => {
  const [program, ...args] = launcherFor(NOBODY, ["no-capabilities"]);
  assertMatch(program, /^\/.*\/setpriv$/);
  assertEquals(args.toSorted(), [
    "--",
    ...["--ambient-caps=-all", "--bounding-set=-all", "--clear-groups", "--inh-caps=-all"],
    ...["--no-new-privs", "--rgid=65533", "--ruid=65534"],
  ]);
  assertEquals(args.at(-1), "--", "what follows is the child's command");
});

Deno.test("launcherFor() is the usual one without no-capabilities, and birthUnder() none", () => {
  const others = ALL_PROTECTIONS.filter((name) => name !== "no-capabilities");
  assertEquals([launcherFor(NOBODY, []), launcherFor(NOBODY, others)], [
    USUAL_LAUNCHER,
    USUAL_LAUNCHER,
  ]);
  assertEquals([birthUnder(NOBODY, []), birthUnder(NOBODY, others)], [[], []]);
});

Deno.test("birthUnder() puts on what is chosen, and nothing else", () => {
  const has = (chosen: Protection[]) => birthUnder(NOBODY, chosen).includes("--no-new-privs");
  assertEquals([has(["no-capabilities"]), has(["no-capabilities", "no-new-privs"])], [false, true]);
  assertEquals(birthUnder(NOBODY, ALL_PROTECTIONS), launcherFor(NOBODY, ALL_PROTECTIONS));
});

/** What a program that is born like that has. */
async function born([program, ...args]: readonly string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command(program, {
    args: [...args, "grep", "-E", "^(Uid|Gid|Groups|Cap|NoNewPrivs)", "/proc/self/status"],
  }).output();
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.trim());
}

testNeeding(
  { root: true, programs: { setpriv: "util-linux" } },
  "launcherFor() leaves effective uid 0, the worker's real ids, no group and no capability",
  async () => {
    assertEquals(await born(launcherFor(NOBODY, ALL_PROTECTIONS)), [
      ...["Uid:\t65534\t0\t0\t0", "Gid:\t65533\t0\t0\t0", "Groups:"],
      ...["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map((set) =>
        `${set}:\t0000000000000000`
      ),
      "NoNewPrivs:\t1",
    ]);
  },
);

testNeeding(
  { root: true, programs: { setpriv: "util-linux" } },
  "USUAL_LAUNCHER leaves root's ids and groups, three capabilities, and nothing to be gained by execve",
  async () => {
    const lines = await born(["/usr/bin/setpriv", "--groups=4711", "--", ...USUAL_LAUNCHER]);
    const three = (1n << BigInt(CAP_SETUID) | 1n << BigInt(CAP_SETGID) | 1n << BigInt(CAP_NET_RAW))
      .toString(16).padStart(16, "0");
    const none = "0".repeat(16);
    assertEquals(lines, [
      ...["Uid:\t0\t0\t0\t0", "Gid:\t0\t0\t0\t0", "Groups:\t4711"],
      ...[`CapInh:\t${none}`, `CapPrm:\t${three}`, `CapEff:\t${three}`, `CapBnd:\t${three}`],
      ...[`CapAmb:\t${none}`, "NoNewPrivs:\t1"],
    ]);
  },
);

testNeeding(
  { programs: { setpriv: "util-linux" } },
  "requireBirth() takes the setpriv of util-linux, and names the package where there is none",
  () => {
    requireBirth();
    for (const other of ["/usr/bin/true", "/nowhere/setpriv"]) {
      const error = assertThrows(() => requireBirth(other), CannotAnswer, `"${other}"`);
      assertMatch(error.remedy, /util-linux/);
    }
  },
);

Deno.test("protections that are not chosen are not put on", () => {
  protectSocket(-1, []); // would be EBADF
  closeUnknownDescriptors({ channelFd: -1, packetFd: -1 }, []); // would close what this test holds
  protectWorker({ packetFd: -1, sourceFd: -1, channelFd: -1 }, [
    "locked-filter",
    "fanout-pin",
  ]);
});

Deno.test("protectWorker() throws if the parent is gone", () => {
  const [ours, theirs] = controlChannelPair();
  ours.close();
  using channel = theirs;
  const worker = { packetFd: -1, sourceFd: -1, channelFd: channel.fd };
  try {
    assertThrows(() => protectWorker(worker, ["parent-death-signal"]), Error, "The parent is gone");
  } finally {
    prctl(PR_SET_PDEATHSIG, 0);
  }
});

const ATTEMPTS: { readonly [what: string]: (fd: number) => void } = {
  attach: (fd) => attachFilter(fd, assemble([bpfReturn(1)])),
  detach: detachFilter,
  bind: (fd) => bindPacketSocket(fd, 0, ETH_P_ALL),
  join: (fd) => setsockopt(fd, SOL_PACKET, PACKET_FANOUT, 4711),
};

const SOCKETS: [chosen: Protection[], errnos: Record<string, string>][] = [
  [[], {}],
  [["locked-filter"], { attach: "EPERM", detach: "EPERM" }],
  [["fanout-pin"], { bind: "EINVAL", join: "EALREADY" }],
  [ALL_PROTECTIONS, { attach: "EPERM", detach: "EPERM", bind: "EINVAL", join: "EALREADY" }],
];

for (const [chosen, errnos] of SOCKETS) {
  const what = chosen.length > 1 ? "all" : chosen[0] ?? "nothing";
  testNeeding({ root: true }, `protectSocket() with ${what} holds for root as well`, () => {
    for (const [name, attempt] of Object.entries(ATTEMPTS)) {
      using packetSocket = new OwnedFd(openPacketSocket());
      const { fd } = packetSocket;
      bindPacketSocket(fd, if_nametoindex("lo"), ETH_P_ALL);
      if (name === "detach") attachFilter(fd, assemble([bpfReturn(1)]));
      protectSocket(fd, chosen);
      const errno = errnoOf(() => attempt(fd));
      assertEquals(errno === 0 ? undefined : errnoName(errno), errnos[name], name);
    }
  });
}
