/** The words of the watch for real changes of interfaces, each in a namespace of its own. */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { command, resultOf } from "../../ffi/programs.ts";

const NEEDS = { root: true, programs: { unshare: "util-linux", ip: "iproute2" } };

/** What the watch of `near` and `far` says after commands of ip(8); null for nothing. */
async function changeAfter(
  commands: readonly string[],
  { ways = [], watched = ["near", "far"] }: {
    readonly ways?: readonly string[];
    readonly watched?: readonly string[];
  } = {},
): Promise<{ event: string; remedy: string } | null> {
  const args = [...ways, ...watched.map((name) => `--watch=${name}`), ...commands];
  const program = command("lib/host/programs/watched.ts", args);
  return await resultOf(["unshare", "--net", ...program]);
}

/** Changes, by what they are: the commands and the words. */
const CHANGES: readonly [what: string, commands: readonly string[], event: string][] = [
  ["goes down", ["link set near down"], '"near" went down'],
  ["goes down and up", ["link set near down", "link set near up"], '"near" went down'],
  ["loses its carrier, not knowing why", ["link set away down"], '"near2" lost its carrier'],
  ["is renamed", ["link set near name x"], '"near" was renamed to "x"'],
  [
    "is renamed, and its name given to another",
    ["link set near name x", "link add near type veth peer name y"],
    '"near" was renamed to "x" and lost its name to another interface',
  ],
  [
    "is taken down, renamed and taken up",
    ["link set near down", "link set near name x", "link set x up"],
    '"near" went down and was renamed to "x"',
  ],
  ["is deleted", ["link del near"], '"near" was deleted'],
  ["is deleted with its peer", ["link del far"], '"far" was deleted'],
  [
    "is replaced by another of the same name",
    ["link del near", "link add near type veth peer name far"],
    '"near" was deleted and replaced by another interface of the same name',
  ],
  ["is moved", ["link set near netns OTHER"], '"near" was moved to another network namespace'],
  [
    "is moved, and its name given to another",
    ["link set near netns OTHER", "link add near type veth peer name y"],
    '"near" was moved to another network namespace and lost its name to another interface',
  ],
  [
    "sees its peer move",
    ["link set far netns OTHER"],
    '"far" was moved to another network namespace',
  ],
  ["sees its peer go down", ["link set far down"], '"far" went down'],
  ["gets another MTU", ["link set near mtu 1400"], '"near" changed its MTU from 1500 to 1400'],
  [
    "becomes a port of a bridge",
    ["link add name br0 type bridge", "link set near master br0"],
    '"near" was made a port of another interface',
  ],
];

for (const [what, commands, event] of CHANGES) {
  const watched = event.includes("near2") ? ["near2"] : ["near", "far"];
  testNeeding(NEEDS, `LinkWatch: an interface ${what}`, async () => {
    assertEquals((await changeAfter(commands, { watched }))?.event, event);
  });
}

testNeeding(NEEDS, "LinkWatch finds nothing in changes that do not matter", async () => {
  const harmless = [
    "link set near promisc on",
    "link set near allmulticast on",
    "link set near alias another",
    "link set near txqueuelen 500",
    "link set near up",
    "address add 192.0.2.1/24 dev near",
    "link property add dev near altname another-name-of-this-one",
    "link add x type veth peer name y",
    "link set x up",
    "link set x name z",
    "link del z",
  ];
  assertEquals(await changeAfter(harmless), null);
});

testNeeding(NEEDS, "LinkWatch finds nothing when a port leaves its bridge's messages", async () => {
  assertEquals(await changeAfter(["link set port nomaster"]), null, "it is not watched");
  const left = await changeAfter(["link set port nomaster"], { watched: ["port"] });
  assertEquals(left?.event, '"port" is no longer a port of another interface');
});

testNeeding(NEEDS, "LinkWatch names the first interface that changed", async () => {
  const commands = ["link set far mtu 1400", "link set near down"];
  const change = await changeAfter(commands, { ways: ["--once"] });
  assertMatch(change!.event, /^"far" changed its MTU/);
});

testNeeding(NEEDS, "LinkWatch finds the change of an interface before it was watched", async () => {
  const late = ["--late"];
  for (
    const [command, words] of [
      ["link set near name x", '"near" was renamed to "x"'],
      ["link set near down", '"near" went down'],
      ["link del near", '"near" was deleted'],
      ["link set near mtu 1400", '"near" changed its MTU from 1500 to 1400'],
    ]
  ) {
    assertEquals((await changeAfter([command], { ways: late }))?.event, words);
  }
});

testNeeding(NEEDS, "LinkWatch asks for the state when messages were lost", async () => {
  const storm = Array.from({ length: 400 }, (_, i) => `link set noise mtu ${1300 + i}`);
  const ways = ["--batch"];
  assertEquals(await changeAfter(storm, { ways }), null);
  for (
    const [command, words] of [
      ["link set near down", '"near" went down'],
      ["link del near", '"near" was deleted'],
    ]
  ) {
    assertEquals((await changeAfter([...storm, command], { ways }))?.event, words);
  }
  // Nothing of it is left to see but the counter of lost carriers.
  const flap = ["link set near down", "link set near up"];
  const change = await changeAfter([...storm, ...flap], { ways });
  assertEquals(change?.event, '"near" lost its carrier');
});

testNeeding(NEEDS, "LinkWatch names a remedy", async () => {
  assertEquals(await changeAfter(["link set near down"]), {
    event: '"near" went down',
    remedy: 'bring it up with "ip link set near up", and keep it up',
  });
  assertEquals((await changeAfter(["link set near name x"]))?.remedy, 'run fdpass again on "x"');
});
