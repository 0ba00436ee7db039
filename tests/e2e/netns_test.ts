import { assert, assertEquals, assertMatch } from "@std/assert";
import { testNeeding, which } from "../support/needs.ts";
import { fdpass, inNamespace, ROOT, runProgram } from "../support/programs.ts";
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

/**
 * Runs a copy of the scripts in a folder of its own, where only these programs are installed and
 * these scripts act as programs.
 */
async function onMachineWith(
  programs: string[],
  scripts: Record<string, string>,
  command: string[],
) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/bin`);
    await runProgram("cp", ["-r", `${ROOT}/scripts`, folder]);
    for (const name of programs) await Deno.symlink(which(name)!, `${folder}/bin/${name}`);
    for (const [name, text] of Object.entries(scripts)) {
      await Deno.writeTextFile(`${folder}/bin/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    const outcome = await runProgram(`${folder}/scripts/netns.sh`, command, {
      env: { PATH: `${folder}/bin` },
    });
    return { ...outcome, stderr: outcome.stderr.replaceAll(folder, "FOLDER") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const BASICS = [
  "bash",
  "env",
  "sh",
  "id",
  "dirname",
  "unshare",
  "setpriv",
  "mkdir",
  "ln",
  "chmod",
  "cp",
  "grep",
];
const noDeno = "exit 0";

const MISSING: [program: string, there: string[], names: RegExp][] = [
  ["ip", BASICS, /"ip" is missing.*iproute2/],
  ["unshare", BASICS.filter((name) => name !== "unshare").concat("ip"), /"unshare".*util-linux/],
  ["setpriv", BASICS.filter((name) => name !== "setpriv").concat("ip"), /"setpriv".*util-linux/],
];

for (const [program, there, names] of MISSING) {
  testNeeding(root, `Without ${program} netns.sh names the package: exit 4`, async () => {
    const outcome = await onMachineWith(there, { deno: noDeno }, ["sh", "-c", "echo ran"]);
    assertMatch(outcome.stderr, names);
    assertEquals([outcome.code, outcome.stdout], [4, ""]);
  });
}

testNeeding(root, "Without deno and npm netns.sh names npm: exit 4", async () => {
  const outcome = await onMachineWith([...BASICS, "ip"], {}, ["sh", "-c", "echo ran"]);
  assertMatch(outcome.stderr, /"npm" is missing.*package npm/);
  assertEquals([outcome.code, outcome.stdout], [4, ""]);
});

testNeeding(root, "Without deno netns.sh installs the pinned one by npm, and says so", async () => {
  // A stand-in for npm: it prints its arguments, and installs a deno where npm does.
  const npm = `echo "npm $*"
    grep -h '"deno"' "$(dirname "$0")/../.tools/package.json"
    while [ "$1" != --prefix ]; do shift; done
    for folder in "$2/node_modules/.bin" "$2/node_modules/@deno/platform"; do
      mkdir -p "$folder"
      printf '#!/bin/sh\\nexit 0\\n' >"$folder/deno"
      chmod +x "$folder/deno"
    done`;
  const command = ["sh", "-c", "command -v deno; exit 5"];
  const outcome = await onMachineWith([...BASICS, "ip"], { npm }, command);
  assertMatch(outcome.stderr, /no deno found; installing deno \d+\.\d+\.\d+ into FOLDER\/\.tools/);
  assertMatch(outcome.stderr, /npm install .*--prefix FOLDER\/\.tools\n/);
  assertMatch(outcome.stderr, /"deno": "\d+\.\d+\.\d+"/);
  assertMatch(outcome.stdout, /\/\.tools\/node_modules\/.*\/deno\n$/);
  assertEquals(outcome.code, 5);
});

Deno.test("The Deno that netns.sh installs is pinned by checksum", () => {
  const text = (name: string) => Deno.readTextFileSync(`${ROOT}/scripts/${name}`);
  const { packages } = JSON.parse(text("deno/package-lock.json"));
  const version = JSON.parse(text("deno/package.json")).dependencies.deno;
  assertMatch(text("tools.sh"), new RegExp(`^deno_version=${version} `, "m"));
  for (const name of ["deno", "@deno/linux-x64-glibc"]) {
    const { version: locked, integrity } = packages[`node_modules/${name}`];
    assertEquals(locked, version);
    assertMatch(integrity, /^sha512-[\w+/]{86}==$/);
  }
});

for (const [what, npm] of [["fails", "exit 1"], ["brings nothing", "exit 0"]]) {
  testNeeding(root, `Where npm ${what} netns.sh says so: exit 4`, async () => {
    const outcome = await onMachineWith([...BASICS, "ip"], { npm }, ["sh", "-c", "echo ran"]);
    assertMatch(outcome.stderr, /npm .*deno/);
    assertEquals([outcome.code, outcome.stdout], [4, ""]);
  });
}

const git = { root: true, programs: { git: "git" } };

testNeeding(git, "git ignores the folder into which netns.sh installs deno", async () => {
  assertEquals((await runProgram("git", ["check-ignore", ".tools/x"])).stdout, ".tools/x\n");
});
