/**
 * Tells what `linkByIndex` says of the interfaces that it is given.
 *
 * @module
 */

import { if_nametoindex, linkByIndex } from "../../../ffi/mod.ts";
import { printJson } from "./print_json.ts";

printJson(Deno.args.map((name) => {
  const { address, ...link } = linkByIndex(if_nametoindex(name));
  return { ...link, address: address.length };
}));
