import { assert, assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, fdpass, inNamespace, ROOT, runProgram } from "../support/programs.ts";
import { NOT_ROOT } from "./here.ts";
import { hasEnded, processesWith, Running, until } from "./processes.ts";

const root = { root: true, programs: { ip: "iproute2" } };
const SCRIPT = `${ROOT}/scripts/netns.sh`;

/**
 * The limit of a wait on a loaded machine, in milliseconds: less than the processes under test
 * would last.
 */
const PATIENCE = 20_000;

async function outputOf(program: string, ...args: string[]): Promise<string> {
  return (await runProgram(program, args)).stdout;
}

/** What a run could leave behind here: interfaces and named namespaces. */
async function surroundings(): Promise<string[]> {
  return [await outputOf("ip", "-brief", "link"), await outputOf("ip", "netns", "list")];
}

/** A word in a command line, by which the processes of one test are found. */
const uniqueWord = () => `word-${crypto.randomUUID()}`;
const allEnded = (word: string) => processesWith(word).every(hasEnded);

for (const code of [0, 1, 2, 4, 37, 70, 255]) {
  testNeeding(root, `netns.sh returns the command's exit status ${code}`, async () => {
    assertEquals((await inNamespace(["sh", "-c", `exit ${code}`])).code, code);
  });
}

testNeeding(root, "netns.sh returns the status of a command that a signal ended", async () => {
  assertEquals((await inNamespace(["sh", "-c", "kill -TERM $$"])).code, 128 + 15);
});

testNeeding(root, "netns.sh passes arguments and standard streams on unchanged", async () => {
  const words = ["a b", "", "$HOME", "--inside", "*"];
  const { stdout, stderr } = await inNamespace(["printf", "<%s>", ...words]);
  assertEquals(stdout, words.map((word) => `<${word}>`).join(""));
  assertEquals(stderr, "");
});

testNeeding(root, "netns.sh without arguments is the main job", async () => {
  const { code, stdout } = await inNamespace([]);
  assertMatch(stdout, /\n✓ Core assumption validated: D24 /);
  assertEquals(code, 0);
});

testNeeding(root, "netns.sh hands leading options to the main job", async () => {
  const evidence = evidenceIn(await inNamespace(["--json", "-n", "3"]));
  assertEquals(evidence.environment.interface, "veth-fdpass");
  assertEquals(evidence.exit, 0);
  assertMatch((await inNamespace(["-n", "3"])).stdout, /Packets received: 3\/3/);
  assertMatch((await inNamespace(["-v"])).stdout, /claim: [^]*evidence: /);
  const wrong = await inNamespace(["-n", "0"]);
  assertMatch(wrong.stderr, /--count must be a whole number/);
  assertEquals(wrong.code, 2);
});

testNeeding(root, "netns.sh prints a text without root and without a namespace", async () => {
  for (const option of ["--help", "-h", "--list", "--version"]) {
    const text = await runProgram(SCRIPT, [option]);
    assertEquals(await runProgram(NOT_ROOT[0], [...NOT_ROOT.slice(1), SCRIPT, option]), text);
    assertEquals([text.code, text.stderr], [0, ""]);
  }
});

testNeeding(root, "The veth pair is up inside, and does not exist outside", async () => {
  const before = await surroundings();
  const { stdout } = await inNamespace(["ip", "-brief", "link"]);
  const links = stdout.trim().split("\n");
  assertEquals(links.map((line) => line.split(" ")[0]).sort(), [
    "lo",
    "veth-fdpass-far@veth-fdpass",
    "veth-fdpass@veth-fdpass-far",
  ]);
  assertEquals(links.filter((line) => !/[<,]UP[,>]/.test(line)), []);
  assertEquals(await surroundings(), before);
  const here = Deno.readLinkSync("/proc/self/ns/net");
  assert((await inNamespace(["readlink", "/proc/self/ns/net"])).stdout.trim() !== here);
});

testNeeding(root, "Two runs side by side do not meet", async () => {
  const meeting = await Deno.makeTempDir();
  try {
    // Each creates its file, waits for the other's, and only then looks around.
    const text = `touch "$0/$1"; until [ -e "$0/$2" ]; do sleep 0.01; done
      readlink /proc/self/ns/net; ip -brief link | wc -l`;
    const runs = [["one", "other"], ["other", "one"]]
      .map((names) => inNamespace(["sh", "-c", text, meeting, ...names]));
    const [[one, links], [other]] = (await Promise.all(runs))
      .map(({ stdout }) => stdout.trim().split("\n"));
    assertEquals(links, "3");
    assert(one !== other, "each has a namespace of its own");
  } finally {
    await Deno.remove(meeting, { recursive: true });
  }
  const jobs = await Promise.all([1, 2, 3].map(() => fdpass(["-q", "veth-fdpass"])));
  assertEquals(jobs.map(({ code }) => code), [0, 0, 0]);
});

/**
 * A command that ignores signals, and starts a process in a session of its own: neither ends
 * willingly.
 */
const STUBBORN = `trap "" HUP INT TERM; setsid sh -c 'sleep 60; :' "$0" & sleep 60; :`;

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  testNeeding(root, `After ${signal} of netns.sh nothing is left behind`, async () => {
    const before = await surroundings();
    const word = uniqueWord();
    await using run = new Running([SCRIPT, "sh", "-c", STUBBORN, word]);
    const inside = () => processesWith(word).filter((pid) => nameOf(pid) === "sh");
    await until("both shells run", () => inside().length === 2, PATIENCE);
    Deno.kill(run.pid, signal);
    await until("all have ended", () => allEnded(word), PATIENCE);
    assertEquals(await surroundings(), before);
  });
}

function nameOf(pid: number): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
  } catch {
    return undefined;
  }
}

testNeeding(root, "Processes that a command leaves running end with it", async () => {
  const word = uniqueWord();
  const { code } = await inNamespace([
    "sh",
    "-c",
    `setsid sh -c 'sleep 60; :' "$0" >&- 2>&- & exit 3`,
    word,
  ]);
  assertEquals(code, 3);
  await until("all have ended", () => allEnded(word), PATIENCE);
});

const git = { root: true, programs: { git: "git" } };

testNeeding(git, "git ignores the folder into which netns.sh installs deno", async () => {
  assertEquals((await runProgram("git", ["check-ignore", ".tools/x"])).stdout, ".tools/x\n");
});
