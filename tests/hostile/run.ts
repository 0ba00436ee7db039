/**
 * Runs fdpass with a hostile child, and prints what fdpass prints.
 *
 *     run.ts MODULE[?QUERY] [ARG…]
 *
 * @module
 */

import { main } from "../../main.ts";

const [module, ...args] = Deno.args;
Deno.exit(await main(args, new URL(module, import.meta.url).href));
