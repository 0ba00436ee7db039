/**
 * What `scripts/tools.sh` does on machines that have little: copies of the scripts run in a folder
 * of their own, where only some programs are installed, and scripts stand in for others.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding, which } from "../support/needs.ts";
import { type Outcome, ROOT, runProgram } from "../support/programs.ts";

const root = { root: true, programs: { ip: "iproute2" } };

const BASICS = [
  ...["bash", "cat", "chmod", "chown", "cp", "dirname", "env", "grep", "id", "ip", "ln", "mkdir"],
  ...["mktemp", "rm", "setpriv", "sh", "stat", "touch", "tr", "unshare"],
];

/** A stand-in for Deno. */
const deno = (version: string) => `echo "deno ${version} (stable, release)"`;

/**
 * A stand-in for npm: it prints its arguments, and installs a deno where npm does. The folder of
 * the machine is `$M`.
 */
const NPM = `echo "$*" >"$M/npm.log"
  grep -h '"deno"' "$M/.tools/package.json" >>"$M/npm.log"
  folder=$M/.tools/node_modules/@deno/platform
  mkdir -p "$folder"
  printf '#!/bin/sh\\necho deno 2.9.6\\n' >"$folder/deno"
  chmod +x "$folder/deno"`;

/** A machine, and how a script is run there. */
interface Machine {
  readonly programs?: readonly string[];
  /** Scripts that act as programs, by path from the folder; without a slash, on PATH. */
  readonly scripts?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** What runs the script: a program and its arguments. */
  readonly before?: readonly string[];
  readonly command?: readonly string[];
}

/** Runs `scripts/netns.sh`. In the outcome the folder of the machine is `M`. */
async function run(machine: Machine): Promise<Outcome & { readonly npm: string | undefined }> {
  const { programs = BASICS, scripts = {}, env = {}, before = [], command } = machine;
  const folder = await Deno.makeTempDir();
  try {
    await Deno.chmod(folder, 0o755);
    await Deno.mkdir(`${folder}/bin`);
    await runProgram("cp", ["-r", `${ROOT}/scripts`, folder]);
    for (const name of programs) await Deno.symlink(which(name)!, `${folder}/bin/${name}`);
    for (const [name, text] of Object.entries(scripts)) {
      const path = `${folder}/${name.includes("/") ? name : `bin/${name}`}`;
      await Deno.mkdir(path.replace(/[^/]*$/, ""), { recursive: true });
      await Deno.writeTextFile(path, `#!/bin/sh\n${text}\n`);
      await Deno.chmod(path, 0o755);
    }
    const [program, ...args] = [
      ...before,
      `${folder}/scripts/netns.sh`,
      ...command ?? ["sh", "-c", "command -v deno; exit 5"],
    ];
    const outcome = await runProgram(program, args, {
      env: { M: folder, PATH: `${folder}/bin`, HOME: folder, ...env },
    });
    const npm = await Deno.readTextFile(`${folder}/npm.log`).catch(() => undefined);
    const stdout = outcome.stdout.replaceAll(folder, "M");
    return { ...outcome, stdout, stderr: outcome.stderr.replaceAll(folder, "M"), npm };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Asserts that the command was not started, and why. */
function assertRefused({ code, stdout, stderr }: Outcome, says: RegExp): void {
  assertMatch(stderr, says);
  assertEquals([code, stdout], [4, ""]);
}

/** Asserts which Deno the command found, and what was announced. */
function assertRan({ code, stdout, stderr }: Outcome, path: string, says: RegExp): void {
  assertMatch(stderr, says);
  assertEquals([code, stdout], [5, `${path}\n`]);
}

const PINNED = "M/.tools/node_modules/@deno/platform/deno";
const withoutPrograms = (...names: string[]) => BASICS.filter((name) => !names.includes(name));

testNeeding(root, "Everything that is missing is named at once, with one command", async () => {
  assertRefused(
    await run({ programs: withoutPrograms("ip", "setpriv", "unshare") }),
    /^netns\.sh: missing: "ip" "setpriv" "unshare" "npm"; .*: apt-get install --no-install-recommends iproute2 util-linux npm\)\n$/,
  );
  assertRefused(
    await run({ programs: withoutPrograms("ip"), scripts: { deno: deno("2.9.6") } }),
    /^netns\.sh: missing: "ip"; install the packages iproute2 \(on Debian, as root: .*\)\n$/,
  );
});

testNeeding(root, "Where apt-get is there, it installs what is missing, announced", async () => {
  const scripts = {
    deno: deno("2.9.6"),
    "apt-get": `echo "$*" >>"$M/apt.log"
      case $* in
        update*) touch "$M/updated" ;;
        *) [ -e "$M/updated" ] && ln -s ${which("ip")} "$M/bin/ip" ;;
      esac`,
  };
  const command = ["cat", "/proc/self/environ"];
  assertEquals((await run({ scripts, command })).stderr, "");
  const log = await run({
    programs: withoutPrograms("ip"),
    scripts,
    command: ["sh", "-c", 'cat "$M/apt.log"'],
  });
  assertEquals(log, {
    code: 0,
    stderr: 'netns.sh: missing: "ip"; running apt-get install --no-install-recommends iproute2\n',
    stdout: [
      "install -qq -y --no-install-recommends iproute2",
      "update -qq",
      "install -qq -y --no-install-recommends iproute2",
      "",
    ].join("\n"),
    npm: undefined,
  });
});

testNeeding(root, "Where apt-get fails, its reason is in the line: exit 4", async () => {
  const scripts = { deno: deno("2.9.6"), "apt-get": 'echo "E: No route to mirror"; exit 100' };
  assertRefused(
    await run({ programs: withoutPrograms("ip"), scripts }),
    /\nnetns\.sh: "apt-get install .* iproute2" failed: E: No route to mirror\n$/,
  );
});

testNeeding(root, "Without Deno the pinned one is installed by npm, announced", async () => {
  const outcome = await run({ scripts: { npm: NPM } });
  assertRan(
    outcome,
    PINNED,
    /^netns\.sh: no Deno found; installing Deno \d+\.\d+\.\d+ into M\/\.tools\n$/,
  );
  assertMatch(outcome.npm!, /^install .*--prefix .*\/\.tools\n +"deno": "\d+\.\d+\.\d+"\n$/);
});

testNeeding(root, "A Deno that is too old is named, and the pinned one used", async () => {
  const old = { deno: deno("2.5.7") };
  assertRan(
    await run({ scripts: { ...old, npm: NPM } }),
    PINNED,
    /^netns\.sh: M\/bin\/deno is Deno 2\.5\.7, and 2\.6 or later is needed; installing Deno /,
  );
  assertRan(
    await run({ scripts: { ...old, [PINNED.slice(2)]: deno("2.9.6") } }),
    PINNED,
    /^netns\.sh: .*is Deno 2\.5\.7, and 2\.6 or later is needed; using M\/\.tools\/[^ ]*\/deno\n$/,
  );
  assertRefused(await run({ scripts: old }), /missing: "npm"/);
});

testNeeding(root, "A Deno that does not run here is passed over", async () => {
  const scripts = { deno: "exit 127", npm: NPM };
  assertRan(await run({ scripts }), PINNED, /no Deno found; installing/);
});

testNeeding(root, "npm is not wanted where a Deno is", async () => {
  for (const version of ["2.6.0", "2.9.6", "2.10.1", "3.0.0"]) {
    assertRan(await run({ scripts: { deno: deno(version) } }), "M/bin/deno", /^$/);
  }
});

testNeeding(
  root,
  "The Deno in the home of sudo's caller is found, and named if not root's",
  async () => {
    const machine = {
      scripts: {
        getent: '[ "$*" = "passwd someone" ] && echo "someone:x:1000:1000::$M/homes/s:/bin/sh"',
        "homes/s/.deno/bin/deno": deno("2.9.6"),
      },
      env: { SUDO_USER: "someone" },
    };
    assertRan(await run(machine), "M/homes/s/.deno/bin/deno", /^$/);
    const owned = {
      ...machine,
      before: ["sh", "-c", 'chown 65534 "$M"/homes/s/.deno/bin/deno; "$@"', "-"],
    };
    assertRan(
      await run(owned),
      "M/homes/s/.deno/bin/deno",
      /^netns\.sh: root runs M\/homes\/s\/\.deno\/bin\/deno, which belongs to \w+\n$/,
    );
  },
);

testNeeding(root, "The Deno of DENO_INSTALL and of the home of root is found", async () => {
  for (const [name, env] of [["own/bin/deno", { DENO_INSTALL: "own" }], [".deno/bin/deno", {}]]) {
    const before = ["sh", "-c", 'DENO_INSTALL=${DENO_INSTALL:+$M/$DENO_INSTALL} "$@"', "-"];
    const scripts = { [name as string]: deno("2.9.6") };
    assertRan(
      await run({ scripts, env: env as Record<string, string>, before }),
      `M/${name}`,
      /^$/,
    );
  }
});

const NOT_ROOT = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

testNeeding(root, "Without root and without sudo the script asks for root: exit 4", async () => {
  const machine = { scripts: { deno: deno("2.9.6") }, before: NOT_ROOT };
  assertRefused(await run(machine), /^netns\.sh: root is needed, and there is no sudo: /);
});

testNeeding(root, "A refusal of sudo is not the status of the command: exit 4", async () => {
  const machine = { scripts: { sudo: "exit 1" }, before: NOT_ROOT };
  assertRefused(await run(machine), /^netns\.sh: root is needed, and sudo refuses it: /);
});

testNeeding(root, "The script starts itself by sudo, with the Deno that the user has", async () => {
  const scripts = { sudo: 'echo "$*"', "mine/deno": deno("2.9.6") };
  const before = [...NOT_ROOT, "sh", "-c", 'PATH=$PATH:$M/mine "$@"', "-"];
  const { code, stdout } = await run({ scripts, before, command: ["ip", "link"] });
  assertEquals([code, stdout], [0, "-- M/scripts/netns.sh --deno M/mine/deno ip link\n"]);
});

testNeeding(root, "A kernel without veth is named as such: exit 4", async () => {
  const ip = `case $* in
      "link add"*) echo "Error: Unknown device type." >&2; exit 2 ;;
    esac`;
  const machine = { programs: withoutPrograms("ip"), scripts: { deno: deno("2.9.6"), ip } };
  assertRefused(
    await run(machine),
    /^netns\.sh: no veth pair here \(Error: Unknown device type\.\): .*modprobe veth.*\n$/,
  );
});

for (const [what, npm] of [["fails", "exit 1"], ["brings nothing", "exit 0"]]) {
  testNeeding(root, `Where npm ${what} the script says so: exit 4`, async () => {
    assertRefused(await run({ scripts: { npm } }), /\nnetns\.sh: npm .*Deno.*\n$/);
  });
}

Deno.test("The Deno that is installed is pinned by checksum", () => {
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
