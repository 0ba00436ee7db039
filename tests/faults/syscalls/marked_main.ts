/**
 * The parent's main program, and a child, with every call of libc's marked.
 *
 *     deno run -A marked_main.ts AIM [ARG…]
 *
 * AIM is what is to be hit, as JSON, or empty.
 *
 * @module
 */

import { markCalls } from "./marks.ts";

const [aim, ...args] = Deno.args;

markCalls("parent", aim === "" ? undefined : JSON.parse(aim));
const { main } = await import("../../../main.ts");
const child = new URL("./marked_child.ts", import.meta.url);
if (aim !== "") child.search = encodeURIComponent(aim);
Deno.exit(await main(args, child.href));
