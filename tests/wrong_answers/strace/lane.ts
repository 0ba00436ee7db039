/**
 * Makes runs one after another, in the network and PID namespace that this program has.
 *
 *     scripts/netns.sh deno run -A tests/wrong_answers/strace/lane.ts
 *
 * Each line of standard input is a {@linkcode Job} as JSON; each line of standard output is the
 * {@linkcode RunRecord}.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { Place } from "../../support/left_behind.ts";
import * as standIn from "../stand_in/with_stand_in.ts";
import type { Job, RunRecord } from "./injection.ts";
import * as strace from "./under_strace.ts";

/** Supplementary groups of root here, so that a setgroups(2) that does nothing leaves something. */
const FORGETTABLE_GROUPS = "4,42";

/** Root may dump core here, so that a limit that is not set shows. */
const CORES = ["prlimit", "--core=unlimited", "--"];

async function run(job: Job): Promise<RunRecord> {
  const { commandOf, loggedOf } = job.by === "stand-in" ? standIn : strace;
  const folder = await Deno.makeTempDir();
  const here = `${folder}/place`; // the working directory of the run, and its temporary folder
  await Deno.mkdir(here);
  const place = new Place(here);
  const began = performance.now();
  const process = new Deno.Command("setpriv", {
    args: ["--groups", FORGETTABLE_GROUPS, ...CORES, ...commandOf(job, folder)],
    cwd: here,
    env: { TMPDIR: here, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    place.endStrangers();
  }, job.limit);
  const { code, stdout, stderr } = await process.output();
  clearTimeout(timer);
  const milliseconds = Math.round(performance.now() - began);

  const left = await place.leftBehind();
  place.endStrangers();
  const logged = await loggedOf(job, folder);
  await Deno.remove(folder, { recursive: true });
  const decoder = new TextDecoder();
  return {
    job,
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    milliseconds,
    hung,
    left,
    ...logged,
  };
}

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
  .pipeThrough(new TextLineStream());
for await (const line of lines) {
  // deno-lint-ignore no-console -- the record
  console.log(JSON.stringify(await run(JSON.parse(line as string))));
}
