/**
 * Makes three socket pairs from one place, with a stand-in for libc; prints the result of each;
 * becomes nobody; makes another pair; and is killed.
 *
 *     deno run -A stand_in_calls.ts FOLDER ANSWERING
 *
 * @module
 */

import { standIn } from "./stand_in.ts";

const [folder, answering] = Deno.args;
standIn("child", folder, answering === "" ? undefined : JSON.parse(answering));
const { AF_UNIX, errnoName, errnoOf, setresuid, SOCK_DGRAM, socketpair } = await import(
  "../../../ffi/mod.ts"
);
const make = () => errnoName(errnoOf(() => socketpair(AF_UNIX, SOCK_DGRAM, 0)));
const results = [make(), make(), make()];
setresuid(65534, 65534, 65534);
results.push(make());
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(results)));
Deno.kill(Deno.pid, "SIGKILL");
