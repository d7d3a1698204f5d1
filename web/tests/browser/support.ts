/** Shared by the browser tests: the executable, the browser, and the checks of every page. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import labelsZh from "../../src/i18n/labels.zh.json";
import { chinese, english } from "../../src/i18n/pages.ts";

const ROOT = new URL("../../../", import.meta.url);
const PICTURES = new URL("tests/pictures/", ROOT);
export const samplesFolder = fileURLToPath(PICTURES);
const PHONE = new URL("tests/fixtures/phone/", ROOT);
const SCREENSHOTS = new URL("web/screenshots/", ROOT);

export function pictureBytes(name: string): Promise<Buffer> {
  return readFile(new URL(name, PICTURES));
}

/** The original model's first label for a picture, as the page shows it in a language. */
export async function expectedLabel(server: Server, picture: string, language = english): Promise<string> {
  const { name } = (await (await fetch(`${server.url}/api/v1/model`)).json()) as { name: string };
  const reference = JSON.parse(await readFile(new URL("models/reference.json", ROOT), "utf8"));
  const { label } = reference.models[name].pictures[picture][0] as { label: string };
  const names: Record<string, string> = language === chinese ? labelsZh : {};
  return names[label] ?? label.replaceAll("_", " ");
}

export interface NamedFile {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

const TYPES: Record<string, string> = {
  avif: "image/avif",
  bmp: "image/bmp",
  gif: "image/gif",
  heic: "image/heic",
  jpg: "image/jpeg",
  png: "image/png",
  tif: "image/tiff",
  webp: "image/webp",
};

/** A sample picture as a file. */
export async function sampleFile(name: string): Promise<NamedFile> {
  return namedFile(name, await pictureBytes(name));
}

/** A picture in a format of phones, which is not among the samples. */
export async function phoneFile(name: string): Promise<NamedFile> {
  return namedFile(name, await readFile(new URL(name, PHONE)));
}

function namedFile(name: string, buffer: Buffer): NamedFile {
  const ending = name.slice(name.lastIndexOf(".") + 1);
  return { name, mimeType: TYPES[ending] ?? "", buffer };
}

export interface Server {
  url: string;
  /** The log lines so far. */
  log: Record<string, unknown>[];
  stop: () => Promise<void>;
}

/** Starts the executable on a free port. WEB_DIR names another site than that in the executable. */
export async function startServer(environment: Record<string, string> = {}): Promise<Server> {
  const executable = process.env.GLIMPSE_EXECUTABLE ?? fileURLToPath(new URL("target/release/glimpse", ROOT));
  const { WEB_DIR } = process.env;
  const child = spawn(executable, environment.LISTEN_ADDR ? [] : ["--listen-addr", "127.0.0.1:0"], {
    env: WEB_DIR ? { WEB_DIR, ...environment } : environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const log: Record<string, unknown>[] = [];
  const address = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`${executable} does not start`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = JSON.parse(line);
      log.push(entry);
      if (entry.message === "ready") {
        resolve(entry.address);
      }
    });
  });
  return { url: `http://${address}`, log, stop: () => stop(child) };
}

async function stop(child: ChildProcess) {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

/** Starts $CHROMIUM, or Debian's Chromium, with any further arguments. */
export function launch(...further: string[]): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet, ...further],
  });
}

/** Chromium's console messages for a response of 400 or more and for a refused connection. */
const FAILED_REQUEST = /^Failed to load resource: .*(status of \d+|net::ERR_)/;
/** What Playwright says once the page asks for a service worker where a test blocks them. */
const BLOCKED_WORKER = "Service Worker registration blocked by Playwright";

/** Runs in the page, because the DevTools protocol does not expose the content of a sent Blob. */
function keepBodies() {
  const send = XMLHttpRequest.prototype.send;
  const sent: Blob[] = [];
  Object.assign(window, { sent });
  XMLHttpRequest.prototype.send = function (body) {
    sent.push(body as Blob);
    send.call(this, body);
  };
}

export type VisitorOptions = BrowserContextOptions & {
  path?: string;
  /** Runs in the page before its own scripts. */
  prepare?: () => void;
};

/** The home pages, which have an island, with any query. */
const HOME = /^\/(zh)?(\?|$)/;

/** A page that records console errors and failed requests. Its `problems` must be empty at the end. */
export class Visitor {
  readonly problems: string[] = [];

  private constructor(
    readonly page: Page,
    /** The language of the page that is opened. */
    readonly language: typeof english,
  ) {}

  static async open(browser: Browser, server: Server, options: VisitorOptions = {}) {
    const { path = "/", prepare, ...contextOptions } = options;
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...contextOptions });
    const visitor = new Visitor(await context.newPage(), path === "/zh" ? chinese : english);
    visitor.#listen(server);
    await visitor.page.addInitScript(keepBodies);
    if (prepare) {
      await visitor.page.addInitScript(prepare);
    }
    await visitor.page.goto(server.url + path);
    if (HOME.test(path) && contextOptions.javaScriptEnabled !== false) {
      // The buttons do nothing until the island is hydrated.
      await visitor.page.locator("astro-island:not([ssr])").waitFor();
    }
    return visitor;
  }

  #listen(server: Server) {
    this.page.on("pageerror", (error) => this.problems.push(`error: ${error}`));
    this.page.on("console", (message) => {
      const isProblem = ["error", "warning"].includes(message.type());
      const text = message.text();
      if (isProblem && !FAILED_REQUEST.test(text) && text !== BLOCKED_WORKER) {
        this.problems.push(`${message.type()}: ${text}`);
      }
    });
    this.page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(server.url) && !url.startsWith("blob:")) {
        this.problems.push(`a request to elsewhere: ${url}`);
      }
    });
  }

  /** Chooses files in the page's file dialog. */
  async choose(...files: (string | NamedFile)[]) {
    const dialog = this.page.waitForEvent("filechooser");
    await this.page.getByRole("button", { name: this.language.t("sources.choose") }).click();
    const named = files.map(async (file) => (typeof file === "string" ? await sampleFile(file) : file));
    await (await dialog).setFiles(await Promise.all(named));
  }

  /** Throttles uploads to this many bytes per second. */
  async slowUploads(bytesPerSecond: number) {
    const session = await this.page.context().newCDPSession(this.page);
    await session.send("Network.enable");
    const rates = { latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond };
    await session.send("Network.emulateNetworkConditions", { offline: false, ...rates });
  }

  /** The pictures that the page sent for analysis. */
  async sent(): Promise<Buffer[]> {
    const bodies = await this.page.evaluate(() => {
      // The DevTools protocol carries text only.
      const asUrl = (body: Blob) =>
        new Promise<string>((resolve, reject) => {
          const reader = new FileReader();
          reader.onload = () => resolve(String(reader.result));
          reader.onerror = () => reject(reader.error);
          reader.readAsDataURL(body);
        });
      return Promise.all((window as unknown as { sent: Blob[] }).sent.map(asUrl));
    });
    return bodies.map((url) => Buffer.from(url.split(",")[1] ?? "", "base64"));
  }

  /** Waits until the footer has the model's name. */
  async expectModel() {
    await this.page.locator(".model-name:not(:empty)").waitFor();
  }

  /** The pictures of this visit. */
  gallery() {
    return this.page.getByRole("region", { name: this.language.t("visit.heading") });
  }

  /** The switch that turns the shrinking of large photographs on and off. */
  shrinks() {
    return this.page.getByRole("switch", { name: this.language.t("shrink.label") });
  }

  /** The button of each picture of this visit. */
  cells() {
    return this.page.locator(".cell");
  }

  label() {
    return this.page.getByTestId("top-label");
  }

  panel() {
    return this.page.getByTestId("panel");
  }

  async expectLabel(label: string) {
    await this.label().waitFor();
    await expect.poll(() => this.label().textContent()).toBe(label);
  }

  async cancel() {
    await this.page.getByRole("button", { name: this.language.t("progress.cancel"), exact: true }).click();
  }

  async expectPhase(phase: string) {
    await this.page.locator(`[data-testid=panel][data-phase=${phase}]`).waitFor();
  }

  async expectFailure(kind: string, ...words: string[]) {
    const failure = this.page.getByTestId("failure");
    await failure.waitFor();
    expect(await failure.getAttribute("data-kind")).toBe(kind);
    for (const word of words) {
      expect(await failure.textContent()).toContain(word);
    }
  }

  async expectAccessible() {
    const axe = new AxeBuilder({ page: this.page }).withTags([
      "wcag2a",
      "wcag2aa",
      "wcag21a",
      "wcag21aa",
      "best-practice",
    ]);
    const { violations } = await axe.analyze();
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    expect(found).toEqual([]);
  }

  async screenshot(name: string) {
    await mkdir(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: fileURLToPath(new URL(`${name}.png`, SCREENSHOTS)) });
  }

  /** Checks that the page does not overflow the window horizontally. */
  async expectFits() {
    const { content, window } = await this.page.evaluate(() => ({
      content: document.documentElement.scrollWidth,
      window: document.documentElement.clientWidth,
    }));
    expect(content).toBeLessThanOrEqual(window);
  }

  async close() {
    await this.page.context().close();
    expect(this.problems).toEqual([]);
  }
}

/** A photograph of 12 megapixels with detail everywhere, which the browser draws from a smaller picture. */
export async function largePhotograph(
  visitor: Visitor,
  picture?: Buffer,
  type = "image/jpeg",
  pixels = 4032 * 3024,
): Promise<Buffer> {
  const source = (picture ?? (await pictureBytes("coffee.jpg"))).toString("base64");
  const base64 = await visitor.page.evaluate(
    async ({ source, type, pixels }) => {
      const bytes = Uint8Array.from(atob(source), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes]));
      const scale = Math.sqrt(pixels / (bitmap.width * bitmap.height));
      const size = { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) };
      const canvas = new OffscreenCanvas(size.width, size.height);
      const context = canvas.getContext("2d");
      if (!context) {
        throw new Error("there is no canvas");
      }
      context.imageSmoothingQuality = "high";
      context.drawImage(bitmap, 0, 0, size.width, size.height);
      const image = context.getImageData(0, 0, size.width, size.height);
      // The grain of a sensor, from a seeded generator.
      let state = 1;
      for (let index = 0; index < image.data.length; index += 1) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        if (index % 4 !== 3) {
          image.data[index] = (image.data[index] ?? 0) + (state >>> 28) - 8;
        }
      }
      context.putImageData(image, 0, 0);
      const blob = await canvas.convertToBlob({ type, quality: 0.92 });
      const url = await new Promise<string>((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(String(reader.result));
        reader.readAsDataURL(blob);
      });
      return url.split(",")[1] ?? "";
    },
    { source, type, pixels },
  );
  return Buffer.from(base64, "base64");
}

/** The size of a picture in the browser, upright or as stored. */
export async function sizeOf(
  visitor: Visitor,
  picture: Buffer,
): Promise<{ width: number; height: number; type: string }> {
  return visitor.page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const { width, height } = await createImageBitmap(new Blob([bytes]));
    return { width, height, type: bytes[0] === 0xff ? "jpeg" : "other" };
  }, picture.toString("base64"));
}

/** A JPEG with the Exif orientation of a camera held sideways. */
export function lyingOnItsSide(jpeg: Buffer): Buffer {
  const orientation = 6;
  const exif = Buffer.from(
    `457869660000 4d4d002a00000008 0001 0112000300000001 000${orientation}0000 00000000`.replaceAll(" ", ""),
    "hex",
  );
  const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0, exif.length + 2]), exif]);
  return Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]);
}
