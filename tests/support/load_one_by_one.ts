/**
 * Runs a program after the modules of `ffi/` were loaded one by one.
 *
 *     load_one_by_one.ts [ARG…] PROGRAM
 *
 * Deno reads the modules of a graph at once, each on a thread of a pool, which has 32 at most and keeps them for ten seconds.
 * After that, hardly a thread need be started; and a test of what holds for later ones would show nothing.
 *
 * @module
 */

for (const room of [...Deno.readDirSync(new URL("../../ffi/", import.meta.url))]) {
  if (!room.isDirectory) continue;
  for (
    const { name } of [...Deno.readDirSync(new URL(`../../ffi/${room.name}/`, import.meta.url))]
  ) {
    await import(`../../ffi/${room.name}/${name}`);
  }
}
await import(Deno.args.at(-1)!);
