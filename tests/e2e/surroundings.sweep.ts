/**
 * Every surrounding, and every limit of descriptors, from the lowest with which fdpass works to
 * where not even the runtime loads. Prints a table at the end.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, inNamespace } from "../support/programs.ts";
import { problemsOf, RunFolder, summary } from "./in_surrounding.ts";
import { FDPASS, FDPASS_WITHOUT_PTRACE } from "./here.ts";
import { straced } from "./strace.ts";
import { SURROUNDINGS, withDescriptors } from "./surroundings.ts";

const NEEDS = { root: true, programs: { ip: "iproute2", prlimit: "util-linux", strace: "strace" } };

/** More descriptors than fdpass needs. */
const ENOUGH = 48;

const table: string[] = [];
let folder: RunFolder;
Deno.test.beforeAll(() => void (folder = new RunFolder()));
Deno.test.afterAll(async () => {
  Deno.stdout.writeSync(new TextEncoder().encode(`\n${table.join("\n")}\n\n`));
  await folder[Symbol.asyncDispose]();
});

for (const surrounding of SURROUNDINGS.filter(({ runtimeFails }) => !runtimeFails)) {
  testNeeding(NEEDS, `Where ${surrounding.what}: exit ${surrounding.exit}`, async () => {
    const coming = await folder.run(surrounding);
    table.push(summary(surrounding, coming));
    assertEquals(problemsOf(surrounding, coming), []);
  });
}

for (const surrounding of SURROUNDINGS.filter(({ runtimeFails }) => runtimeFails)) {
  testNeeding(NEEDS, `Where ${surrounding.what} the runtime itself fails`, async () => {
    await using starved = new RunFolder();
    const coming = await starved.run(surrounding);
    table.push(summary(surrounding, coming));
    assertEquals(problemsOf(surrounding, coming), []);
  });
}

testNeeding(NEEDS, "With any limit of descriptors a run is a PASS or an error", async () => {
  let fewest = Infinity;
  for (let most = ENOUGH; most >= 3; most--) {
    await using starved = new RunFolder();
    const surrounding = withDescriptors(most);
    const coming = await starved.run(surrounding);
    table.push(summary(surrounding, coming));
    if (coming.code === 0) fewest = most;
    const isOurs = /^=== |^fdpass: /m.test(coming.output);
    const wanted = isOurs
      ? surrounding
      : { ...surrounding, says: /./, runtimeFails: true } as const;
    const exit = isOurs ? surrounding.exit : [1, 127, 133, 134];
    assertEquals([most, ...problemsOf({ ...wanted, exit }, coming)], [most]);
  }
  assert(fewest < ENOUGH, `it wants ${fewest} descriptors`);
});

/**
 * The child's own descriptors: standard streams, the channel, those of the runtime, and a pair that
 * the runtime opens for signals a little later.
 */
const MOST_HELD = 14;

/** The child's descriptors before the message comes, by number. */
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
  "The child holds nothing of a parent that holds many descriptors",
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
  const command = [...before, ...FDPASS_WITHOUT_PTRACE, "veth-fdpass"];
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
