import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  capget,
  ownThreads,
  threadsWithCapabilities,
  WaitingThreads,
  withFileUid,
} from "../../../ffi/mod.ts";
import { testNeeding } from "../../support/needs.ts";
import { ROOT } from "../../support/programs.ts";
import { command } from "../programs.ts";

const PROGRAM = "ffi/process/programs/drop_and_stay.ts";

/** A service that is not root: `User=` and `AmbientCapabilities=` of systemd. */
const SERVICE = [
  "setpriv",
  "--reuid=1001",
  "--regid=1001",
  "--clear-groups",
  "--inh-caps=+net_raw,+setuid,+setgid",
  "--ambient-caps=+net_raw,+setuid,+setgid",
];

/** The outcome of a drop, as the program reports it and as the parent sees its threads. */
interface Seen {
  readonly outcome: string;
  readonly isRestored: boolean;
  /** The credentials of its threads, each once, and how many have them. */
  readonly credentials: ReadonlyMap<string, number>;
}

async function afterDrop(words: readonly string[], args: readonly string[]): Promise<Seen> {
  const [program, ...rest] = [...words, ...command(PROGRAM, args)];
  await using undo = new AsyncDisposableStack();
  const child = new Deno.Command(program, {
    args: rest,
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  undo.defer(async () => {
    await child.stdin.close();
    await child.status;
  });
  let text = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.endsWith("\n")) break;
  }
  const credentials = new Map<string, number>();
  for (const { name: tid } of Deno.readDirSync(`/proc/${child.pid}/task`)) {
    const seen = Deno.readTextFileSync(`/proc/${child.pid}/task/${tid}/status`)
      .match(/^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)):.*$/gm)!.join(" ").replace(/\s+/g, " ").trim();
    credentials.set(seen, (credentials.get(seen) ?? 0) + 1);
  }
  return { ...JSON.parse(text), credentials };
}

const NOTHING = "Uid: 65534 65534 65534 65534 Gid: 65534 65534 65534 65534 Groups: " +
  ["CapInh", "CapPrm", "CapEff", "CapAmb"].map((set) => `${set}: 0000000000000000`).join(" ");

for (
  const { who, words, step } of [
    { who: "root", words: [] },
    { who: "a service that is not root", words: SERVICE },
    { who: "root with inheritable capabilities", words: ["setpriv", "--inh-caps=+net_raw,+chown"] },
    { who: "root that keeps its capabilities (KEEP_CAPS)", words: [], step: "keep-capabilities" },
    {
      who: "root whose uid means nothing (NO_SETUID_FIXUP)",
      words: ["setpriv", "--securebits=+no_setuid_fixup"],
    },
  ]
) {
  testNeeding(
    { root: true },
    `dropPrivileges() leaves ${who} no capability on any of many threads`,
    async () => {
      const { outcome, isRestored, credentials } = await afterDrop(words, ["200", step ?? ""]);
      assertEquals([outcome, isRestored], ["dropped", true]);
      assertEquals([...credentials.keys()], [NOTHING]);
      assert(credentials.get(NOTHING)! > 200);
    },
  );
}

testNeeding(
  { root: true },
  "dropPrivileges() throws where it cannot take the capabilities, and does not report success",
  async () => {
    const { outcome, credentials } = await afterDrop(SERVICE, ["5", "refuse-code"]);
    assertEquals(outcome, "SystemError: mprotect: Operation not permitted (EPERM)");
    assertEquals([...credentials.keys()], [
      NOTHING.replaceAll("0000000000000000", "00000000000020c0"),
    ]);
  },
);

testNeeding(
  { root: true },
  "dropPrivileges() throws if the polling thread of an io_uring keeps root's capabilities",
  async () => {
    for (const words of [[], SERVICE]) {
      const { outcome, isRestored, credentials } = await afterDrop(words, ["5", "polled-ring"]);
      assertMatch(outcome, /^PrivilegeError: Capabilities are still there, on 1 threads: \d+$/);
      assertEquals([isRestored, credentials.size], [true, 2]);
    }
  },
);

testNeeding({ root: true }, "threadsWithCapabilities() lists every thread of root", () => {
  using _threads = new WaitingThreads(3);
  assertEquals(threadsWithCapabilities().sort(), [...ownThreads().keys()].sort());
});

testNeeding(
  { root: true },
  "withFileUid() gives this thread another user's files, and restores what it changes",
  () => {
    const path = Deno.makeTempFileSync();
    const dumpable = () => Deno.statSync("/proc/self/environ").uid;
    const before = [capget(), dumpable()];
    try {
      Deno.writeTextFileSync(path, "root's");
      const read = () => Deno.readTextFileSync(path);
      assertThrows(() => withFileUid(65534, read), Deno.errors.PermissionDenied);
      Deno.chownSync(path, 65534, 65534);
      assertEquals(withFileUid(65534, read), "root's");
      assertEquals([capget(), dumpable()], before);
    } finally {
      Deno.removeSync(path);
    }
  },
);

Deno.test("capget() of a thread agrees with /proc", () => {
  for (const tid of ownThreads().keys()) {
    const [, digits] = Deno.readTextFileSync(`/proc/${tid}/status`).match(/^CapPrm:\t(.*)$/m)!;
    assertEquals(capget(tid).permitted, BigInt(`0x${digits}`));
  }
});
