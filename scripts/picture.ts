/**
 * The pictures in docs/evidence.md, of a real run: `deno task picture`.
 *
 *     scripts/netns.sh deno run -A scripts/picture.ts [INTERFACE]
 *
 * @module
 */

// deno-lint-ignore-file no-console -- this program prints

import type { Page } from "playwright-core";
import { withPage } from "./browser.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const [INTERFACE = "veth-fdpass"] = Deno.args;

/** The width of the page, and the height of a picture, in pixels. */
const WIDTH = 900, HEIGHT = 720;

/** The pictures, and where on the page each begins. */
const VIEWS: Readonly<Record<string, (page: Page) => Promise<number>>> = {
  report: () => Promise.resolve(0),
  drop: async (page) => {
    const box = await page.locator(".diagram line.drop").first().boundingBox();
    if (box === null) throw new Error("There is no drop in this run");
    return box.y - HEIGHT / 2;
  },
};

/** Makes the page of a run. */
async function report(): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/run.html`;
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "main.ts", "--quiet", "--report", path, INTERFACE],
      cwd: ROOT,
    }).spawn().status;
    if (!success) throw new Error("The run is no PASS");
    return await Deno.readTextFile(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

await withPage(await report(), async ({ page }) => {
  await page.setViewportSize({ width: WIDTH, height: HEIGHT });
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const [name, place] of Object.entries(VIEWS)) {
      const path = `${ROOT}docs/${name}${colorScheme === "dark" ? "-dark" : ""}.png`;
      const clip = { x: 0, y: await place(page), width: WIDTH, height: HEIGHT };
      await Deno.mkdir(`${ROOT}docs`, { recursive: true });
      await Deno.writeFile(path, await page.screenshot({ fullPage: true, clip }));
      console.log(`${path}: ${(await Deno.stat(path)).size} bytes`);
    }
  }
});
