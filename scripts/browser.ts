/**
 * A real browser for pages in files. It sends nothing of its own to the network, and everything
 * that it wrote is removed.
 *
 * @module
 */

import { type BrowserContext, chromium, type Page } from "playwright-core";
import { which } from "./which.ts";

/** The program, and its package. */
export const CHROMIUM = { chromium: "chromium" };

/** The options of the browser. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** An open page, with its complaints and its requests. */
export interface OpenPage {
  readonly page: Page;
  /** What it printed on the console, threw, or asked the reader. */
  readonly complaints: readonly string[];
  /** The addresses that it requested, except its own. */
  readonly requests: readonly string[];
}

/** Opens a page and calls `look`. Then closes the browser, and removes everything that it wrote. */
export async function withPage<T>(
  html: string,
  look: (open: OpenPage) => Promise<T>,
): Promise<T> {
  const executablePath = which("chromium");
  if (executablePath === undefined) throw new Error("No chromium here: apt-get install chromium");
  const folder = await Deno.makeTempDir();
  let context: BrowserContext | undefined;
  try {
    await Deno.writeTextFile(`${folder}/page.html`, html);
    context = await chromium.launchPersistentContext(`${folder}/profile`, {
      executablePath,
      args: FLAGS,
      env: { HOME: folder, PATH: Deno.env.get("PATH") ?? "" },
    });
    const page = context.pages()[0] ?? await context.newPage();
    const complaints: string[] = [], requests: string[] = [];
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
    page.on("dialog", (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      dialog.dismiss().catch(() => {});
    });
    page.on("request", (request) => {
      const url = request.url();
      if (url !== `file://${folder}/page.html` && url !== "data:,") requests.push(url);
    });
    await page.goto(`file://${folder}/page.html`);
    return await look({ page, complaints, requests });
  } finally {
    await context?.close();
    await Deno.remove(folder, { recursive: true });
  }
}
