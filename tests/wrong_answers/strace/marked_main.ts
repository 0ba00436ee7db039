/**
 * The parent's main program with every call of libc marked, and a child that keeps a journal of its
 * calls.
 *
 *     deno run -A marked_main.ts FOLDER AIM [ARG…]
 *
 * FOLDER is for the journals. AIM is the call to hit, as JSON, or empty.
 *
 * @module
 */

import { childWithStandIn } from "../stand_in/child_module.ts";
import { markCalls } from "./marks.ts";

const [folder, aim, ...args] = Deno.args;

markCalls(folder, aim === "" ? undefined : JSON.parse(aim));
const { main } = await import("../../../main.ts");
Deno.exit(await main(args, childWithStandIn(folder)));
