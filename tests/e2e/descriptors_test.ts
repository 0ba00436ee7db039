/** Every descriptor that the child holds at its start is accounted for. */

import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { FDPASS } from "./here.ts";

/**
 * The child's descriptors by number, from the evidence of PASS-01. A shell runs `before`, then
 * becomes the parent.
 */
async function descriptorsOfChild(before = ":"): Promise<[fd: number, link: string][]> {
  const shell = ["bash", "-c", `${before}; exec "$0" "$@"`];
  const outcome = await inNamespace([...shell, ...FDPASS, "--json", "veth-fdpass"]);
  assertEquals(outcome.code, 0, outcome.stdout + outcome.stderr);
  const { checks } = evidenceIn(outcome).experiments[0];
  const { evidence } = checks.find(({ id }) => id === "PASS-01")!;
  const { descriptors } = evidence as { descriptors: Record<string, string> };
  return Object.entries(descriptors).map(([fd, link]) => [Number(fd), link]);
}

/** Each kind of descriptor, the form of its link, and how many distinct ones the child has. */
const EXPECTED: [what: string, link: RegExp, different: number][] = [
  ["standard input", /^\/dev\/null$/, 1],
  ["standard output and standard error", /^pipe:\[\d+\]$/, 2],
  ["the control channel, and the runtime's own two socket pairs", /^socket:\[\d+\]$/, 5],
  ["the runtime's event loop", /^anon_inode:\[(eventpoll|eventfd)\]$/, 2],
];

function assertAccountedFor(descriptors: [fd: number, link: string][]): void {
  const unknown = descriptors.filter(([, link]) => !EXPECTED.some(([, known]) => known.test(link)));
  assertEquals(unknown, [], "no file, no device, nothing else");
  for (const [what, known, different] of EXPECTED) {
    const links = new Set(descriptors.map(([, link]) => link).filter((link) => known.test(link)));
    assertEquals(links.size, different, what);
  }
  const linkOf = new Map(descriptors);
  assertEquals(linkOf.get(0), "/dev/null");
  assert(linkOf.get(1)!.startsWith("pipe:") && linkOf.get(2)!.startsWith("pipe:"));
  assert(linkOf.get(1) !== linkOf.get(2), "two pipes");
  const readsNull = descriptors.filter(([, link]) => link === "/dev/null").map(([fd]) => fd);
  assertEquals(readsNull, [0]);
}

testNeeding(
  { root: true },
  "The child starts with its streams, its channel and the runtime's own descriptors",
  async () => {
    assertAccountedFor(await descriptorsOfChild());
  },
);

testNeeding(
  { root: true },
  "No descriptor that the parent inherited reaches the child",
  async () => {
    const open = "exec 7</etc/passwd 8>/dev/full 9<> <(:) 63</dev/zero; exec </etc/passwd";
    assertAccountedFor(await descriptorsOfChild(open));
  },
);

testNeeding(
  { root: true },
  "Without a home for its cache the child holds no file either",
  async () => {
    assertAccountedFor(
      await descriptorsOfChild("export DENO_DIR=${DENO_DIR:-$HOME/.cache/deno}; unset HOME"),
    );
  },
);
