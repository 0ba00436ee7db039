/**
 * A real browser, for pages that are read from a file.
 *
 * @module
 */

import { type BrowserContext, chromium, type Page } from "playwright-core";
import { which } from "./needs.ts";

/** What a test that uses it needs. */
export const BROWSER = { programs: { chromium: "chromium" } };

/** How it is started: with nothing of its own to say to the network. */
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

/** An open page, with what it had to complain about, and what it asked for. */
export interface OpenPage {
  readonly page: Page;
  /** What it said on the console, threw, or asked the reader. */
  readonly complaints: readonly string[];
  /** The addresses that it asked for, itself left out. */
  readonly requests: readonly string[];
}

/** Shows a page, which is closed with all that the browser wrote when `look` is done. */
export async function withPage<T>(
  html: string,
  look: (open: OpenPage) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  let context: BrowserContext | undefined;
  try {
    await Deno.writeTextFile(`${folder}/page.html`, html);
    context = await chromium.launchPersistentContext(`${folder}/profile`, {
      executablePath: which("chromium")!,
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

/**
 * The pieces of text whose contrast with what is behind them is less than 4.5 to 1 (WCAG 2.2, 1.4.3), each with the contrast. Of SVG, too:
 * what is behind its text is the page, or the shade below the drop.
 */
export function poorContrasts(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
    const luminance = (color) => {
      const [r, g, b] = numbers(color).map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      const shade = element.closest(".below")?.ownerSVGElement.querySelector(".shade");
      if (shade) return getComputedStyle(shade).fill;
      for (let each = element; each !== null; each = each.parentElement) {
        const color = getComputedStyle(each).backgroundColor;
        if (numbers(color)[3] !== 0) return color;
      }
      return "rgb(255, 255, 255)";
    };
    const poor = [];
    let seen = 0;
    for (const element of document.body.querySelectorAll("*")) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
      if (!own || element.getClientRects().length === 0) continue;
      const style = getComputedStyle(element);
      const text = element instanceof SVGElement ? style.fill : style.color;
      const [light, dark] = [luminance(text), luminance(behind(element))].sort((a, b) => b - a);
      const contrast = (light + 0.05) / (dark + 0.05);
      seen++;
      if (contrast < 4.5) poor.push(element.textContent.trim().slice(0, 40) + ": " + contrast.toFixed(2));
    }
    return seen > 100 ? poor : ["only " + seen + " pieces of text were found"];
  })()`);
}
