// Drives the live page in headless Chromium, as an operator does, and takes pictures of it.
//
// node test.mjs URL BROWSER FOLDER
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import puppeteer from "puppeteer-core";

const [url, executablePath, folder] = process.argv.slice(2);
const MAX_FRAME_MS = 100;

const problems = [];
const step = async (name, run) => {
  const began = performance.now();
  const result = await run();
  console.log(`page: ${name}: ok, ${Math.round(performance.now() - began)} ms`);
  return result;
};
const text = (page, selector) => page.$eval(selector, (it) => it.textContent.trim());
const rows = (page) => page.$$eval("#key-table tbody tr", (all) => all.map((it) => it.dataset.name));
const cells = (page, column) => page.$$eval("#key-table tbody tr", (all, at) => all.map((it) => it.cells[at].textContent), column);
const until = (page, holds, ...values) => page.waitForFunction(holds, { timeout: 20_000, polling: 50 }, ...values);
const sorted = (page, order) => page.click(`#key-table thead th:nth-child(${order}) button`);
const confirm = async (page) => {
  await page.waitForSelector("#confirm[open]");
  await page.click("#confirm-yes");
};
// The longest pause between two frames while `work` runs, of the page alone: its own long tasks.
const longestFrame = async (page, work) => {
  await page.evaluate(() => {
    window.longest = 0;
    window.watch ??= new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
    });
    window.watch.observe({ type: "longtask" });
  });
  await work();
  await new Promise((resolve) => setTimeout(resolve, 500));
  return page.evaluate(() => { window.watch.disconnect(); return window.longest; });
};

const open = async (browser, { width, height, scheme, isMobile = false }) => {
  const page = await browser.newPage();
  page.on("console", (message) => { if (["error", "warn"].includes(message.type())) problems.push(message.text()); });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("requestfailed", (request) => {
    if (!request.url().endsWith("/events")) problems.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:")) problems.push(`elsewhere: ${request.url()}`);
  });
  await page.setViewport({ width, height, isMobile, hasTouch: isMobile, deviceScaleFactor: 1 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(url, { waitUntil: "domcontentloaded" });
  await until(page, () => document.querySelectorAll("#key-table tbody tr[data-name]").length > 0);
  return page;
};

const browser = await puppeteer.launch({ executablePath, headless: true, args: ["--no-sandbox", "--disable-gpu"] });
try {
  await mkdir(folder, { recursive: true });
  const page = await step("loads", () => open(browser, { width: 1280, height: 1000, scheme: "light" }));

  await step("updates under load", async () => {
    await until(page, () => document.querySelector("#state").className === "live");
    const before = await text(page, "#now");
    await until(page, (then) => document.querySelector("#now").textContent.trim() !== then, before);
    const path = await page.$eval("#charts svg .line", (it) => it.getAttribute("d"));
    await until(page, (then) => document.querySelector("#charts svg .line").getAttribute("d") !== then, path);
    assert.match(await text(page, "#key-count"), /^10,00\d$/);
  });

  await step("sorts, filters and pages 10,000 keys without a long frame", async () => {
    const longest = await longestFrame(page, async () => {
      await sorted(page, 6);
      await until(page, () => document.querySelector("#key-table tbody tr").cells[5].textContent !== "0");
      await sorted(page, 1);
      await until(page, () => {
        const names = [...document.querySelectorAll("#key-table tbody tr")].map((it) => it.dataset.name);
        return names.length === 25 && names.every((it, at) => at === 0 || names[at - 1] < it);
      });
      const first = await rows(page);
      await page.click("#next");
      await until(page, (then) => document.querySelector("#key-table tbody tr").dataset.name > then, first.at(-1));
      await page.click("#previous");
      await until(page, (then) => document.querySelector("#key-table tbody tr").dataset.name === then, first[0]);
      await page.select("#filter select[name=limit]", "100");
      await until(page, () => document.querySelectorAll("#key-table tbody tr").length === 100);
      await page.type("#filter input[name=host]", "mail.test");
      await page.click("#filter button[type=submit]");
      await until(page, () => document.querySelector("#key-count").textContent === "2,500");
      assert((await cells(page, 1)).every((it) => it.includes("mail.test")));
      await page.select("#filter select[name=condition]", "broken");
      await until(page, () => document.querySelector("#key-count").textContent === "0");
      await page.select("#filter select[name=condition]", "");
      await page.$eval("#filter input[name=host]", (it) => { it.value = ""; });
      await page.select("#filter select[name=limit]", "25");
      await until(page, () => document.querySelectorAll("#key-table tbody tr").length === 25);
    });
    assert(longest < MAX_FRAME_MS, `a frame took ${longest} ms`);
    console.log(`page: the longest frame: ${Math.round(longest)} ms`);
  });

  await step("shows who waits", async () => {
    await sorted(page, 6);
    await until(page, () => document.querySelector("#key-table tbody tr").cells[5].textContent !== "0");
    await page.click("#key-table tbody tr:first-child button");
    await until(page, () => document.querySelectorAll("#detail-body table:nth-of-type(1) tbody tr").length > 0);
    assert.match(await text(page, "#detail-body"), /Who waits/);
    await page.screenshot({ path: `${folder}/key.png` });
    await page.keyboard.press("Escape");
    await page.waitForSelector("#detail:not([open])");
  });

  await step("evicts by click", async () => {
    await sorted(page, 1);
    await until(page, () => document.querySelector("#key-table th[aria-sort=ascending]") !== null);
    await page.waitForNetworkIdle({ idleTime: 200, concurrency: 1 });
    const name = (await rows(page))[0];
    await page.click("#key-table tbody tr:first-child button");
    await page.waitForSelector("#detail[open] dl");
    await page.click("#evict");
    await page.waitForSelector("#confirm[open]");
    await page.click("#confirm-no");
    await page.waitForSelector("#confirm:not([open])");
    await page.click("#evict");
    await confirm(page);
    await until(page, () => /1 keys: 1 sessions are being closed/.test(document.querySelector("#toast").textContent));
    await until(page, (then) => document.querySelector("#key-table tbody tr").dataset.name !== then, name);
  });

  await step("resets a circuit", async () => {
    await until(page, () => /open/.test(document.querySelector("#endpoints tbody tr .badge").textContent));
    await page.click("#endpoints tbody tr:first-child button");
    await confirm(page);
    await until(page, () => /The circuit is closed/.test(document.querySelector("#toast").textContent));
  });

  await step("is used by keyboard alone", async () => {
    const page = await open(browser, { width: 1280, height: 1000, scheme: "light" });
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.focus("#drain");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#confirm[open]");
    assert.equal(await page.evaluate(() => document.activeElement.id), "confirm-no", "the safe answer has the focus");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#confirm:not([open])");
    const unnamed = await page.$$eval("button, input, select", (all) =>
      all.filter((it) => !it.textContent.trim() && !it.getAttribute("aria-label") && !it.labels?.length).map((it) => it.outerHTML));
    assert.deepEqual(unnamed, []);
    for (const landmark of ["header", "main", "footer", "nav[aria-label]"]) assert(await page.$(landmark), landmark);
    await page.close();
      });

  await step("takes pictures", async () => {
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    for (const [name, width, height, scheme, isMobile] of [
      ["light", 1280, 1000, "light", false], ["dark", 1280, 1000, "dark", false], ["phone", 390, 844, "dark", true],
    ]) {
      const picture = await open(browser, { width, height, scheme, isMobile });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const wide = await picture.evaluate(() => document.documentElement.scrollWidth);
      assert(wide <= width, `${name}: ${wide} pixels on a screen of ${width}`);
      assert(!(await text(picture, "main")).includes("undefined"), "each value is there");
      await picture.screenshot({ path: `${folder}/${name}.png` });
      await picture.screenshot({ path: `${folder}/${name}-all.png`, fullPage: true });
      await picture.close();
    }
  });

  await step("drains", async () => {
    await page.bringToFront();
    await page.click("#drain");
    await confirm(page);
    await until(page, () => /sessions are being closed/.test(document.querySelector("#toast").textContent));
  });
  assert.deepEqual(problems, [], "the console has no error");
} finally {
  await browser.close();
}
