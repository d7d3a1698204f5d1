/** Chromium with a camera that shows known pictures, and a visitor who opens the live view. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { launch, pictureBytes, type Server, startServer, Visitor, type VisitorOptions } from "./support.ts";

/** A name that is not that of this machine: its pages are not secure. */
export const INSECURE_HOST = "insecure.test";

let folder: string;
let browser: Browser;
export let server: Server;
export let visitor: Visitor;

/** Starts the browser with a camera that gives these JPEGs of one size, one after the other, for ever. */
export async function withCamera(jpegs: Buffer[]): Promise<Browser> {
  const file = join(folder, `${jpegs.length}.mjpeg`);
  await writeFile(file, Buffer.concat(jpegs));
  return launch(
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-video-capture=${file}`,
    `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`,
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "glimpse-"));
  const coffee = await pictureBytes("coffee.jpg");
  [browser, server] = await Promise.all([withCamera(Array.from({ length: 10 }, () => coffee)), startServer()]);
});
afterAll(async () => {
  await Promise.all([browser?.close(), server?.stop()]);
  await rm(folder, { recursive: true });
});
afterEach(() => visitor.close());

/**
 * Runs in the page: keeps the streams of the camera and the ids that they were asked for by. Chromium plays a file with one
 * camera only, so the second one, of the id `second`, is the first.
 */
export function keepStreams() {
  const streams: MediaStream[] = [];
  const asked: (string | undefined)[] = [];
  Object.assign(window, { streams, asked });
  const { mediaDevices } = navigator;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  const all = mediaDevices.enumerateDevices.bind(mediaDevices);
  mediaDevices.getUserMedia = async (constraints) => {
    const video = constraints?.video as { deviceId?: { exact: string } } | undefined;
    const exact = video?.deviceId?.exact;
    asked.push(exact);
    const stream = await open({ video: true });
    const [track] = stream.getVideoTracks();
    if (track && exact === "second") {
      track.getSettings = () => ({ deviceId: "second" });
    }
    streams.push(stream);
    return stream;
  };
  mediaDevices.enumerateDevices = async () => [
    ...(await all()),
    { kind: "videoinput", deviceId: "second", groupId: "", label: "" } as MediaDeviceInfo,
  ];
}

export async function visit(
  { prepare = keepStreams, ...options }: VisitorOptions = {},
  url = server.url,
  by = browser,
) {
  visitor = await Visitor.open(by, { ...server, url }, { prepare, ...options });
  await visitor.expectModel();
}

/** The button that opens the live view. */
export function liveButton() {
  return visitor.page.getByRole("button", { name: visitor.language.t("sources.live"), exact: true });
}

export function button(text: "live.shutter" | "live.close" | "failure.tryAgain" | "live.switch") {
  return visitor.page.getByRole("button", { name: visitor.language.t(text), exact: true });
}

export async function open() {
  await liveButton().click();
}

export function label() {
  return visitor.page.getByTestId("live-label");
}

export async function expectLive(phase: string) {
  await visitor.page.locator(`[data-testid=live][data-phase=${phase}]`).waitFor();
}

/** The states of the tracks of all streams that the page has opened: "live" or "ended". */
export function tracks(): Promise<string[]> {
  return visitor.page.evaluate(() => {
    const { streams } = window as unknown as { streams: MediaStream[] };
    return streams.flatMap((stream) => stream.getTracks().map(({ readyState }) => readyState));
  });
}

/** The ids of the cameras that the page has asked for. */
export function askedCameras(): Promise<(string | undefined)[]> {
  return visitor.page.evaluate(() => (window as unknown as { asked: (string | undefined)[] }).asked);
}

/** Unplugs the camera: its track ends, and the browser tells it. */
export function unplug(): Promise<void> {
  return visitor.page.evaluate(() => {
    const { streams } = window as unknown as { streams: MediaStream[] };
    for (const track of streams.flatMap((stream) => stream.getTracks())) {
      track.stop();
      track.dispatchEvent(new Event("ended"));
    }
  });
}

/** Makes the page believe that it is hidden or visible. */
export function setVisibility(state: DocumentVisibilityState): Promise<void> {
  return visitor.page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}

/** The times at which frames were sent, from now on. */
export function sentFrames(): number[] {
  const times: number[] = [];
  visitor.page.on("request", (request) => {
    if (request.url().endsWith("/api/v1/analyze")) {
      times.push(Date.now());
    }
  });
  return times;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
