import { assert, assertEquals } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { evidenceIn, fdpass, inNamespace, type Outcome } from "../support/programs.ts";

const needs = { root: true, programs: { ip: "iproute2", setpriv: "util-linux" } };
const KILLS = 100;
/**
 * The most frames of others on the link that pass the filter too: the kernel's own multicasts when
 * an interface comes up.
 */
const FOREIGN = 20;

function figuresIn(outcome: Outcome) {
  const { experiments: [{ figures, checks, error }] } = evidenceIn(outcome);
  const failed = checks.filter(({ status }) => status !== "pass").map((
    { id, observed },
  ) => [id, observed]);
  return { figures, failed, error };
}

testNeeding(
  needs,
  `Workers are killed ${KILLS} times in mid-stream, and every frame is received exactly once`,
  async () => {
    const args = ["-e", "supervisor", "--kills", String(KILLS), "--rate", "1000", "-t", "170"];
    const outcome = await fdpass([...args, "--json", "veth-fdpass"], { timeout: 180_000 });
    const { figures, failed, error } = figuresIn(outcome);
    assertEquals([failed, error, outcome.stderr, outcome.code], [[], null, "", 0]);
    const { kills, sent, received_once, received_twice, lost } = figures;
    assertEquals({ kills, received_once, received_twice, lost }, {
      kills: KILLS,
      received_once: sent,
      received_twice: 0,
      lost: 0,
    });
    assert(figures.resumed_in_mid_block > 0, "some were killed in the middle of a block");
  },
);

testNeeding(
  needs,
  "With a ring too small for the gap, loss is detected, and the kernel counted each lost frame as dropped",
  async () => {
    const program = [Deno.execPath(), "run", "-A", "tests/refutations/run.ts"];
    const outcome = await inNamespace([...program, "supervisor/small-ring"], { timeout: 150_000 });
    const { figures, failed, error } = figuresIn(outcome);
    assertEquals([error, outcome.code], [null, 1]);
    assert(failed.some(([id]) => id === "SUPER-02") && failed.some(([id]) => id === "SUPER-03"));
    const drops = Object.entries(figures).filter(([name]) => name.endsWith(": drops"))
      .reduce((sum, [, count]) => sum + count, 0);
    assert(figures.lost > 0, "some are lost");
    assertEquals(figures.received_twice, 0);
    assertEquals(figures.received_once + figures.lost, figures.sent);
    const others = drops - figures.lost;
    assert(
      others >= 0 && others <= FOREIGN,
      `${figures.lost} lost, ${drops} dropped by the kernel`,
    );
  },
);
