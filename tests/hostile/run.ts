/**
 * fdpass with a hostile child. Its results go where they go.
 *
 *     run.ts MODULE[?QUERY] [ARG…]
 *
 * @module
 */

import { main } from "../../main.ts";

const [module, ...args] = Deno.args;
Deno.exit(await main(args, new URL(module, import.meta.url).href));
