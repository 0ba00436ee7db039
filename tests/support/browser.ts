/**
 * What a test measures in a real browser.
 *
 * @module
 */

import type { Page } from "playwright-core";
import { CHROMIUM } from "../../scripts/browser.ts";

/** What a test with a browser needs. */
export const BROWSER = { programs: CHROMIUM };

/**
 * The pieces of text whose contrast with their background is less than 4.5 to 1 (WCAG 2.2, 1.4.3),
 * each with its contrast. In SVG the background is the page, or the shade below the drop.
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
