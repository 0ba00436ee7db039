import { assertEquals } from "@std/assert";
import { cutText } from "../../../../lib/inspect/cut_text.ts";
import {
  credentialFacts,
  differencesBetween,
  threadsInWords,
} from "../../../../lib/inspect/threads/differences.ts";
import { parseMemory } from "../../../../lib/inspect/descriptors/memory_map.ts";
import { areSameThreads } from "../../../../lib/inspect/threads/thread_list.ts";

Deno.test("differencesBetween() names the few threads that differ from the most", () => {
  const facts = (uid: string, root = "/") => ({ Uid: uid, root });
  assertEquals(differencesBetween(new Map([[1, facts("0")], [2, facts("0")]])), []);
  assertEquals(
    differencesBetween(new Map([[1, facts("0")], [2, facts("7")], [3, facts("7", "/a")]])),
    ["thread 1: Uid 0, 2 others 7", "thread 3: root /a, 2 others /"],
  );
  // Of two, the first is the usual one.
  assertEquals(differencesBetween(new Map([[1, facts("0")], [2, facts("7")]])), [
    "thread 2: Uid 7, 1 other 0",
  ]);
});

Deno.test("threadsInWords() names at most eight", () => {
  assertEquals(threadsInWords([1]), "thread 1");
  const many = Array.from({ length: 50 }, (_, i) => i);
  assertEquals(threadsInWords(many), "threads 0, 1, 2, 3, 4, 5, 6, 7 and 42 more");
});

Deno.test("areSameThreads() believes no list in which a thread vanished", () => {
  const list = { threads: [], ended: [], gone: 0, unread: 0 };
  assertEquals(areSameThreads(list, { ...list }), true);
  assertEquals(areSameThreads(list, { ...list, ended: [4711] }), false);
  assertEquals(areSameThreads({ ...list, gone: 1 }, { ...list, gone: 1 }), false);
});

Deno.test("credentialFacts() names the capabilities of a set, unless there are many", () => {
  const sets = { CapInh: "0", CapPrm: "3000", CapEff: "1ffffffffff", CapBnd: "0", CapAmb: "0" };
  const { CapInh, CapPrm, CapEff } = credentialFacts({
    ...{ tid: 1, uids: [], gids: [], groups: [], noNewPrivs: 0, seccomp: 0, filters: null },
    capabilities: sets,
  });
  assertEquals([CapInh, CapPrm, CapEff], [
    "0",
    "3000 (CAP_NET_ADMIN, CAP_NET_RAW)",
    "1ffffffffff",
  ]);
});

Deno.test("cutText() keeps short text, and cuts long text between characters", () => {
  assertEquals(cutText("x".repeat(256)), "x".repeat(256));
  assertEquals(cutText("x".repeat(257)), `${"x".repeat(255)}…`);
  assertEquals(cutText(`${"x".repeat(254)}😀xx`), `${"x".repeat(254)}…`);
});

Deno.test("parseMemory() counts W+X mappings, and finds sockets and rings", () => {
  const line = (mode: string, path: string) => `7f00-7f10 ${mode} 00000000 00:00 42   ${path}\n`;
  assertEquals(
    parseMemory([
      line("rwxp", ""),
      line("rwxp", "/tmp/7f00-7f10 rwxp"),
      line("r-xp", "/lib/a"),
      line("rw-s", "socket:[1]"),
      line("rw-s", "socket:[1]"),
      line("rw-s", "/tmp/socket:[2]"),
      line("rw-s", "anon_inode:[io_uring]"),
    ].join("")),
    { writableExecutable: 2, mapped: ["socket:[1]", "anon_inode:[io_uring]"] },
  );
});
