/**
 * Every surrounding, one after another; and every number of descriptors, from where fdpass just works down to where not even the runtime is
 * loaded. At the end a table.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { faultsOf, Ground, summary } from "./in_surrounding.ts";
import { FDPASS } from "./here.ts";
import { straced } from "./strace.ts";
import { commandIn, SURROUNDINGS, withDescriptors } from "./surroundings.ts";

const NEEDS = { root: true, programs: { ip: "iproute2", prlimit: "util-linux", strace: "strace" } };

/** More than fdpass needs. */
const ENOUGH = 48;

const table: string[] = [];
let ground: Ground;
Deno.test.beforeAll(() => void (ground = new Ground()));
Deno.test.afterAll(async () => {
  Deno.stdout.writeSync(new TextEncoder().encode(`\n${table.join("\n")}\n\n`));
  await ground[Symbol.asyncDispose]();
});

for (const surrounding of SURROUNDINGS.filter(({ runtimeFails }) => !runtimeFails)) {
  testNeeding(NEEDS, `Where ${surrounding.what}: exit ${surrounding.exit}`, async () => {
    const coming = await ground.run(surrounding);
    table.push(summary(surrounding, coming));
    assertEquals(faultsOf(surrounding, coming), []);
  });
}

for (const surrounding of SURROUNDINGS.filter(({ runtimeFails }) => runtimeFails)) {
  testNeeding(NEEDS, `Where ${surrounding.what} it is the runtime that ends`, async () => {
    await using starved = new Ground();
    const coming = await starved.run(surrounding);
    table.push(summary(surrounding, coming));
    assertEquals(faultsOf(surrounding, coming), []);
  });
}

testNeeding(NEEDS, "However few descriptors there may be, it is a PASS or an error", async () => {
  let fewest = Infinity;
  for (let most = ENOUGH; most >= 3; most--) {
    await using starved = new Ground();
    const surrounding = withDescriptors(most);
    const coming = await starved.run(surrounding);
    table.push(summary(surrounding, coming));
    if (coming.code === 0) fewest = most;
    const isOurs = /^=== |^fdpass: /m.test(coming.output);
    const wanted = isOurs
      ? surrounding
      : { ...surrounding, says: /./, runtimeFails: true } as const;
    const exit = isOurs ? surrounding.exit : [1, 127, 133, 134];
    assertEquals([most, ...faultsOf({ ...wanted, exit }, coming)], [most]);
  }
  assert(fewest < ENOUGH, `it wants ${fewest} descriptors`);
});

/** The child's own: standard streams, the channel, what the runtime opens, and a pair that it opens for signals a little later. */
const MOST_HELD = 14;

/** What the child holds before the message comes, by number. */
async function heldByChild(before: readonly string[]): Promise<Record<string, string>> {
  const command = [...before, ...FDPASS, "--json", "veth-fdpass"];
  const { experiments: [{ checks }] } = evidenceIn(await inNamespace(command));
  const { descriptors } = checks.find(({ id }) => id === "PASS-01")!.evidence as {
    descriptors: Record<string, string>;
  };
  return descriptors;
}

testNeeding(
  NEEDS,
  "The child holds nothing of the parent's where the parent holds a lot",
  async () => {
    const crowded = [
      ...SURROUNDINGS.filter(({ what }) => /^a (hundred foreign.* open|foreign packet)/.test(what)),
      { what: "200", before: ["bash", "-c", 'exec 200</etc/passwd; exec "$0" "$@"'] },
    ];
    assertEquals(crowded.length, 4);
    for (const { what, before } of crowded) {
      const held = Object.values(await heldByChild(before));
      assertEquals(held.filter((each) => each.startsWith("/")), ["/dev/null"], what);
      assert(held.length <= MOST_HELD, `${what}: ${held.length} descriptors`);
    }
  },
);

testNeeding(NEEDS, "Where standard streams are closed, no socket gets their numbers", async () => {
  const { before } = SURROUNDINGS.find(({ what }) => what.startsWith("all standard streams"))!;
  const command = commandIn({ what: "", before, exit: 0, says: /^/ });
  const { outcome, calls } = await straced("socket,socketpair,pipe2,openat,fcntl,dup2", command);
  assertEquals(outcome.code, 0);
  const made = calls.filter(({ name }) => name === "socket" || name === "socketpair");
  assert(made.length > 2, "it made sockets");
  for (const { name, args, result } of made) {
    const numbers = name === "socket" ? result : args.match(/\[(.*)\]/)?.[1] ?? "";
    for (const [, fd] of numbers.matchAll(/(?:^|, )(\d+)</g)) assert(Number(fd) > 2, `${args}`);
  }
  const replaced = calls.some(({ name, args, result }) =>
    name === "openat" && /"\/dev\/null", O_RDWR/.test(args) && result.startsWith("0<")
  );
  assert(replaced, "the runtime has put something in their place");
});
