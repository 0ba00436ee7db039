import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CheckId, CHECKS } from "../../lib/evidence/checks.ts";
import { EXPLAINED } from "../../lib/cli/explained.ts";
import { renderExplanation } from "../../lib/report/explain.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, fdpass, inNamespace } from "../support/programs.ts";
import { FDPASS, here, NOT_ROOT } from "./here.ts";

const tests = new TestsAhead();
/** Runs a test with a folder of its own. */
async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

tests.add({ root: true }, "--tap prints the run as KTAP, and nothing else", async () => {
  const { code, stdout, stderr } = await fdpass(["--tap", "veth-fdpass"]);
  assertMatch(stdout, /^KTAP version 1\n1\.\.1\n[^]*\n {2}1\.\.14\n[^]*\nok 1 - privilege-drop\n$/);
  assertEquals(stdout.match(/^ {2}ok \d+ - [A-Z]+-\d\d /gm)?.length, 14);
  assertEquals([code, stderr], [0, ""]);
});

tests.add(
  { root: true, programs: { prove: "perl" } },
  "prove runs fdpass and reads its TAP",
  async () => {
    const command = [...FDPASS, "--tap"].join(" ");
    const passed = await inNamespace(["prove", "-e", command, "veth-fdpass"]);
    assertMatch(passed.stdout, /Tests=1[^]*Result: PASS/);
    assertEquals(passed.code, 0);
    const hostile = `${Deno.execPath()} run -A tests/hostile/run.ts ./child.ts?root-saved --tap`;
    const failed = await inNamespace(["prove", "-e", hostile, "veth-fdpass"]);
    assertMatch(failed.stdout, /Failed 1\/1 subtests[^]*Result: FAIL/);
    assertEquals(failed.code, 1);
  },
);

tests.add({ root: true }, "--tap of a run without traffic is a skip, exit 4", async () => {
  const { code, stdout } = await fdpass([
    "--tap",
    "-t",
    "3",
    "--stimulus",
    "none",
    "veth-fdpass",
    "-n",
    "1000",
  ]);
  assertMatch(stdout, /^ {2}ok 12 - RECV-01 [^#\n]*# SKIP no stimulus/m);
  assertMatch(stdout, /^ok 1 - privilege-drop # SKIP INCONCLUSIVE/m);
  assertEquals(code, 4);
});

tests.add({ root: true }, "--tap without being root is one skip, exit 4", async () => {
  const { code, stdout, stderr } = await here(["--tap", "lo"], NOT_ROOT);
  assertMatch(stdout, /^1\.\.0 # SKIP uid \d+ without CAP_NET_RAW/m);
  assertStringIncludes(stderr, "without CAP_NET_RAW");
  assertEquals(code, 4);
});

Deno.test("--tap of a wrong argument bails out, exit 2", async () => {
  const { code, stdout } = await here(["--tap", "-n", "0", "lo"]);
  assertMatch(stdout, /^KTAP version 1\n1\.\.0\n[^]*^Bail out! --count/m);
  assertEquals(code, 2);
});

Deno.test("--json with --tap is an error, in JSON, exit 2", async () => {
  const outcome = await here(["--json", "--tap", "lo"]);
  assertMatch(evidenceIn(outcome).error!.message, /--json and --tap/);
  assertEquals(outcome.code, 2);
});

Deno.test("--explain explains every check, without root or an interface", async () => {
  for (const [id, { claim }] of Object.entries(CHECKS)) {
    const stdout = renderExplanation(id as CheckId, EXPLAINED);
    assertStringIncludes(stdout, `${id}  ${claim}\n`);
    assertMatch(stdout, /^ {2}Why +\S[^]*^ {2}Refuted by +\S[^]*^ {2}Part of +[a-z]/m);
  }
  const explained = await here(["--explain", "DROP-03"]);
  assertEquals(explained, {
    code: 0,
    stdout: renderExplanation("DROP-03", EXPLAINED),
    stderr: "",
  });
});

Deno.test("--explain of an unknown check names the nearest one, exit 2", async () => {
  const { code, stdout, stderr } = await here(["--explain", "DROP-3"]);
  assertMatch(stderr, /no check "DROP-3": did you mean DROP-0\d\?/);
  assertEquals([code, stdout], [2, ""]);
});

Deno.test("--list --verbose explains every check as --explain does", async () => {
  const { code, stdout } = await here(["--list", "--verbose"]);
  for (const id of Object.keys(CHECKS) as CheckId[]) {
    assertStringIncludes(stdout, renderExplanation(id, EXPLAINED));
  }
  assertEquals(code, 0);
});

tests.add({ root: true }, "--report writes the page of the run", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/run.html`;
    const outcome = await fdpass(["--json", "--harden", "--report", path, "veth-fdpass"]);
    const evidence = evidenceIn(outcome);
    const page = await Deno.readTextFile(path);
    assertMatch(page, /^<!DOCTYPE html>\n/);
    assertMatch(page, /<\/html>\n$/);
    // HARD-03 is among them: the child has no file open, not even this one.
    for (const { id, status } of evidence.experiments[0].checks) {
      assertStringIncludes(page, `<span class="id">${id}</span>`);
      assertEquals(status, "pass", id);
    }
    assertStringIncludes(page, `--report ${path} veth-fdpass`);
    assertEquals(evidence.environment.args, [
      "--json",
      "--harden",
      "--report",
      path,
      "veth-fdpass",
    ]);
    assertEquals([outcome.code, names(folder)], [0, ["run.html"]]);
  });
});

tests.add(
  { root: true },
  "--report replaces nothing without --force, and says so first",
  async () => {
    await inFolder(async (folder) => {
      const path = `${folder}/run.html`;
      await Deno.writeTextFile(path, "precious");
      const refused = await fdpass(["--json", "--report", path, "veth-fdpass"]);
      assertMatch(evidenceIn(refused).error!.message, /it exists; --force replaces it/);
      assertEquals([refused.code, evidenceIn(refused).experiments], [2, []]);
      assertEquals([await Deno.readTextFile(path), names(folder)], ["precious", ["run.html"]]);

      // A run without a result replaces nothing either.
      const failed = await fdpass([
        "-q",
        "--force",
        "--report",
        path,
        "-u",
        "nosuchuser",
        "veth-fdpass",
      ]);
      assertEquals([failed.code, await Deno.readTextFile(path)], [2, "precious"]);

      const unanswered = await fdpass(
        ["-q", "--force", "--report", path, "-e", "authority", "lo"],
      );
      assertEquals([unanswered.code, await Deno.readTextFile(path)], [4, "precious"]);

      const forced = await fdpass(["-q", "--force", "--report", path, "veth-fdpass"]);
      assertStringIncludes(await Deno.readTextFile(path), "<!DOCTYPE html>");
      assertEquals([forced.code, names(folder)], [0, ["run.html"]]);
    });
  },
);

tests.add(
  { root: true },
  "--report of a run that is cut off has its results so far",
  async () => {
    await inFolder(async (folder) => {
      const path = `${folder}/run.html`;
      const { code } = await fdpass(["-q", "-t", "0.02", "--report", path, "veth-fdpass"]);
      const page = await Deno.readTextFile(path);
      assertStringIncludes(page, "It ended early: Time ran out after 0.02 s");
      assertStringIncludes(page, ">INCONCLUSIVE<");
      assertEquals(code, 4);
    });
  },
);

tests.add(
  { root: true },
  "--report and --pcap under sudo belong to the user, 0600, under any umask",
  async () => {
    await inFolder(async (folder) => {
      await Deno.chown(folder, 1, 1);
      const files = ["--report", `${folder}/run.html`, "--pcap", `${folder}/run.pcapng`];
      const sudo = ["env", "SUDO_UID=1", "SUDO_GID=1"];
      const before = ["sh", "-c", 'umask 777; exec "$@"', "sh", ...sudo];
      const { code, stderr } = await here(["-q", ...files, "veth-fdpass"], before);
      assertEquals([code, stderr], [0, ""]);
      for (const name of ["run.html", "run.pcapng"]) {
        const { uid, gid, mode } = Deno.statSync(`${folder}/${name}`);
        assertEquals([uid, gid, mode! & 0o777], [1, 1, 0o600], name);
      }
    });
  },
);

const WRONG: [path: string, message: RegExp][] = [
  ["/nosuch/run.html", /there is no folder "\/nosuch\/" \(ENOENT\)/],
  ["/tmp", /it is a folder/],
  ["/dev/null", /it is a device/],
];

for (const [path, message] of WRONG) {
  tests.add(
    { root: true },
    `--report ${path} is an error before anything runs, exit 2`,
    async () => {
      const outcome = await fdpass(["--json", "--report", path, "veth-fdpass"]);
      const { error, experiments } = evidenceIn(outcome);
      assertMatch(error!.message, message);
      assertEquals([outcome.code, experiments], [2, []]);
    },
  );
}

tests.add({ root: true }, "--report follows no symbolic link", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/shadow`, "precious");
    await Deno.symlink("shadow", `${folder}/run.html`);
    for (const force of [[], ["--force"]]) {
      const { code, stderr } = await fdpass([
        "-q",
        ...force,
        "--report",
        `${folder}/run.html`,
        "veth-fdpass",
      ]);
      assertMatch(stderr, /it is a symbolic link/);
      assertEquals(code, 2);
    }
    assertEquals(await Deno.readTextFile(`${folder}/shadow`), "precious");
  });
});

tests.add({ root: true }, "A full disk is an error before anything runs, exit 4", async () => {
  await inFolder(async (folder) => {
    const script = `mount -t tmpfs -o size=8k tmpfs "$1" && shift && exec "$@"`;
    const outcome = await inNamespace(
      [
        "sh",
        "-c",
        script,
        "sh",
        folder,
        ...FDPASS,
        "--json",
        "--report",
        `${folder}/run.html`,
        "veth-fdpass",
      ],
    );
    const { error, experiments } = evidenceIn(outcome);
    assertMatch(error!.message, /write: ENOSPC/);
    assert(error!.remedy!.includes("Make room"));
    assertEquals([outcome.code, experiments], [4, []]);
  });
});
