/**
 * The parent's main program and a child, each with a stand-in for libc.
 *
 *     deno run -A stand_in_main.ts FOLDER ANSWERING [ARG…]
 *
 * FOLDER is for the journals. ANSWERING is the call that is answered wrongly, as JSON, or empty.
 *
 * @module
 */

import { childWithStandIn } from "./child_module.ts";
import { standIn } from "./stand_in.ts";

const [folder, answering, ...args] = Deno.args;

standIn("parent", folder, answering === "" ? undefined : JSON.parse(answering));
const { main } = await import("../../../main.ts");
Deno.exit(await main(args, childWithStandIn(folder, answering)));
