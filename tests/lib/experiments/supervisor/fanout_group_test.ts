import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  close,
  dup,
  Errno,
  errnoOf,
  ETH_P_ALL,
  ETH_P_IP,
  if_nametoindex,
  openDescriptors,
  PACKET_FANOUT,
  PACKET_FANOUT_CBPF,
  setsockopt,
  SOL_PACKET,
} from "../../../../ffi/mod.ts";
import {
  FANOUT_MODES,
  FanoutGroup,
  type FanoutMode,
  fanoutProgram,
  isFanoutMode,
} from "../../../../lib/experiments/supervisor/fanout_group.ts";
import { boundPacketSocket } from "../../../../lib/packets/socket.ts";
import { ipv4, ipv6, other, short } from "../../../support/flows.ts";
import { type Frame, runOverFrame } from "../../../support/frame_cbpf.ts";
import { testNeeding } from "../../../support/needs.ts";
import { inNamespace, ROOT } from "../../../support/programs.ts";

const MODES = Object.keys(FANOUT_MODES) as FanoutMode[];
const { EALREADY, ENOSPC } = Errno;
const traffic = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };

function asFrame(bytes: Uint8Array, known: Partial<Frame> = {}): Frame {
  const protocol = bytes[12] << 8 | bytes[13];
  return { network: bytes.subarray(14), protocol, ...known };
}

const flows = Array.from({ length: 400 }, (_, i) => ({
  from: i & 0xff,
  to: i % 7,
  port: 49152 + i * 31 % 64,
}));
const everything = flows.flatMap((flow) => [
  ipv4(flow, 1),
  ipv6(flow, 2),
  ipv4(flow, 3, 8),
  other(0x0806, 4),
]);

Deno.test("fanoutProgram() sends every frame to one of the given members, in every mode", () => {
  for (const mode of MODES) {
    for (
      const members of [
        [1],
        [7],
        [1, 2],
        [5, 3, 200],
        Array.from({ length: 255 }, (_, i) => i + 1),
      ]
    ) {
      const program = fanoutProgram(mode, members);
      for (const [i, bytes] of everything.entries()) {
        const known = { cpu: i % 96, queue: i % 17, random: i * 0x9e3779b1 >>> 0 };
        const member = runOverFrame(program, asFrame(bytes, known));
        assert(members.includes(member), `${mode}: member ${member} of ${members}`);
      }
    }
  }
});

Deno.test("fanoutProgram() of hash sends all frames of a flow to one member, and spreads flows evenly", () => {
  const members = [1, 2, 3, 4];
  const program = fanoutProgram("hash", members);
  for (const make of [ipv4, ipv6]) {
    const shares = new Map(members.map((member) => [member, 0]));
    for (const flow of flows) {
      const [one, another] = [1, 99].map((number) =>
        runOverFrame(program, asFrame(make(flow, number), { cpu: number, random: number }))
      );
      assertEquals(one, another);
      shares.set(one, shares.get(one)! + 1);
    }
    for (const [member, share] of shares) {
      assert(share > 40 && share < 200, `member ${member}: ${share} of ${flows.length} flows`);
    }
  }
});

Deno.test("fanoutProgram() of hash depends on both addresses and on the ports", () => {
  const program = fanoutProgram("hash", Array.from({ length: 64 }, (_, i) => i + 1));
  const flow = { from: 1, to: 2, port: 50_000 };
  for (const make of [ipv4, ipv6]) {
    const member = (change: object) =>
      runOverFrame(program, asFrame(make({ ...flow, ...change }, 0)));
    for (const field of ["from", "to", "port"] as const) {
      const differing = Array.from(
        { length: 20 },
        (_, i) => member({ [field]: flow[field] + 1 + i }),
      )
        .filter((each) => each !== member({}));
      assert(differing.length > 10, `${field}: ${differing.length} of 20 go elsewhere`);
    }
  }
});

for (const [mode, key] of [["cpu", "cpu"], ["qm", "queue"], ["lb", "random"]] as const) {
  Deno.test(`fanoutProgram() of ${mode} depends on the ${key}, and on nothing else`, () => {
    const program = fanoutProgram(mode, [4, 5, 6]);
    for (let value = 0; value < 9; value++) {
      const others = { cpu: 1, queue: 1, random: 1 };
      for (const bytes of [ipv4(flows[value], 0), short(0x0800, 0), other(0x0806, 1)]) {
        const known = { ...others, [key]: value };
        assertEquals(runOverFrame(program, asFrame(bytes, known)), 4 + value % 3);
      }
    }
  });
}

Deno.test("fanoutProgram() of hash sends frames that are too short to the pilot, member 0", () => {
  const program = fanoutProgram("hash", [3, 4]);
  for (const [type, least] of [[0x0800, 24], [0x86dd, 44]]) {
    for (let length = 0; length <= 60; length++) {
      const member = runOverFrame(program, asFrame(short(type, length)));
      assertEquals(member === 0, length < least, `${length} bytes of ${type.toString(16)}`);
    }
  }
});

Deno.test("isFanoutMode() accepts the names of the modes, and no others", () => {
  assertEquals(MODES.filter(isFanoutMode), ["hash", "cpu", "lb", "qm"]);
  for (const name of ["", "HASH", "rollover", "toString", "constructor"]) {
    assertEquals(isFanoutMode(name), false, name);
  }
});

for (const mode of MODES) {
  testNeeding(
    traffic,
    `A fanout group (${mode}) sends each frame to one routed member, and none to the others`,
    async () => {
      const program = [
        Deno.execPath(),
        "run",
        "-A",
        `${ROOT}/tests/lib/experiments/supervisor/programs/dealing.ts`,
      ];
      const outcome = await inNamespace([...program, "kinds", mode]);
      assertEquals([outcome.code, outcome.stderr], [0, ""]);
      const { sent, shorts, ofShorts, rounds, frames } = JSON.parse(outcome.stdout);
      const numbers = Array.from({ length: sent }, (_, i) => i);
      const [unrouted, ...routed] = rounds as { route: number[]; got: number[][] }[];
      assertEquals(unrouted.got.flat(), [], "no member gets a frame before the first route");
      for (const { route, got } of routed) {
        assertEquals(got.flat().sort((a, b) => a - b), numbers, `every frame once: ${route}`);
        const takers = got.flatMap((some, i) => some.length > 0 ? [i + 1] : []);
        assertEquals(takers.filter((member) => !route.includes(member)), [], `left out: ${route}`);
        if (mode !== "hash") continue;
        // The interpreter of the tests agrees with the kernel.
        const program = fanoutProgram(mode, route);
        got.forEach((some, i) => {
          for (const number of some) {
            const bytes = Uint8Array.fromBase64(frames[number]);
            assertEquals(runOverFrame(program, asFrame(bytes)), i + 1, `frame ${number}: ${route}`);
          }
        });
      }
      // Too short for hash, which loads beyond their end: they go to the pilot.
      const [, second, third] = ofShorts;
      assertEquals(ofShorts, [0, second, third, 0]);
      assertEquals(second + third, mode === "hash" ? 0 : shorts);
    },
  );
}

testNeeding(
  traffic,
  "FanoutGroup.route() loses and doubles no frame while traffic flows",
  async () => {
    const program = [
      Deno.execPath(),
      "run",
      "-A",
      `${ROOT}/tests/lib/experiments/supervisor/programs/dealing.ts`,
    ];
    const outcome = await inNamespace([...program, "flowing"], { timeout: 60_000 });
    assertEquals([outcome.code, outcome.stderr], [0, ""]);
    const { routed, sent, ...rest } = JSON.parse(outcome.stdout);
    assertEquals(rest, { toLeftOut: 0, once: sent, lost: 0, twice: 0 });
    assert(routed >= 40 && sent > 1000, `routed ${routed} times, ${sent} frames`);
  },
);

/** Registers a test on the loopback interface, which must leave no descriptor open. */
function loopbackTest(name: string, test: (ifindex: number) => void): void {
  testNeeding({ root: true }, name, () => {
    const before = openDescriptors("self");
    test(if_nametoindex("lo"));
    assertEquals(openDescriptors("self"), before);
  });
}

loopbackTest(
  "FanoutGroup.route() throws RangeError for no member, for the pilot, and for unknown members",
  (ifindex) => {
    using group = new FanoutGroup("lb", ifindex);
    assertThrows(() => group.route([1]), RangeError, "not to [1]");
    using member = boundPacketSocket(ifindex, ETH_P_ALL);
    assertEquals(group.join(member.fd), 1);
    group.route([1]);
    for (const members of [[], [0], [1, 0], [2], [-1]]) {
      assertThrows(() => group.route(members), RangeError, "Frames go to at least one");
    }
  },
);

loopbackTest(
  "FanoutGroup.join() throws EALREADY for a member, and EINVAL for another binding",
  (ifindex) => {
    using group = new FanoutGroup("hash", ifindex);
    using member = boundPacketSocket(ifindex, ETH_P_ALL);
    group.join(member.fd);
    const copy = dup(member.fd);
    assertEquals(errnoOf(() => group.join(copy)), EALREADY);
    close(copy);
    using narrow = boundPacketSocket(ifindex, ETH_P_IP);
    assertEquals(errnoOf(() => group.join(narrow.fd)), Errno.EINVAL);
    using second = boundPacketSocket(ifindex, ETH_P_ALL);
    assertEquals(group.join(second.fd), 2, "a socket that was refused has no number");
  },
);

loopbackTest("FanoutGroup accepts 255 members beside its pilot", (ifindex) => {
  using group = new FanoutGroup("hash", ifindex);
  using members = new DisposableStack();
  for (let i = 1; i <= 255; i++) {
    assertEquals(group.join(members.use(boundPacketSocket(ifindex, ETH_P_ALL)).fd), i);
  }
  const last = members.use(boundPacketSocket(ifindex, ETH_P_ALL));
  assertEquals(errnoOf(() => group.join(last.fd)), ENOSPC);
  group.route(Array.from({ length: 255 }, (_, i) => i + 1));
});

loopbackTest(
  "FanoutGroup is a new group each time, and never one that existed",
  (ifindex) => {
    using before = boundPacketSocket(ifindex, ETH_P_ALL);
    setsockopt(before.fd, SOL_PACKET, PACKET_FANOUT, PACKET_FANOUT_CBPF << 16); // number 0
    using one = new FanoutGroup("hash", ifindex);
    using other = new FanoutGroup("hash", ifindex);
    const options = [PACKET_FANOUT_CBPF << 16, one.option, other.option];
    assertEquals(new Set(options).size, 3);
    assertEquals(options.map((option) => option >>> 16), options.map(() => PACKET_FANOUT_CBPF));
  },
);
