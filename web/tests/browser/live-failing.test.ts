/** The live view without a camera, and without its code. */

import { describe, expect, test } from "vitest";
import {
  button,
  expectLive,
  INSECURE_HOST,
  keepStreams,
  label,
  liveButton,
  open,
  server,
  setVisibility,
  tracks,
  unplug,
  visit,
  visitor,
} from "./camera.ts";
import { expectedLabel } from "./support.ts";

/** Runs in the page: the camera can't be opened, for the reason that the test names. */
function refuseCamera() {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException("no", (window as unknown as { reason: string }).reason);
  };
}

/** Runs in the page: there is no camera at first. `plug` connects one. */
function beginWithoutCamera() {
  const { mediaDevices } = navigator;
  const all = mediaDevices.enumerateDevices.bind(mediaDevices);
  let isThere = false;
  mediaDevices.enumerateDevices = async () => (isThere ? all() : []);
  Object.assign(window, {
    plug: () => {
      isThere = true;
      mediaDevices.dispatchEvent(new Event("devicechange"));
    },
  });
}

async function refused(reason: string, options = {}) {
  await visit({ prepare: refuseCamera, ...options });
  await visitor.page.evaluate((reason) => Object.assign(window, { reason }), reason);
  await open();
  await expectLive("failed");
}

describe("what is wrong is named", () => {
  test.each([
    ["NotAllowedError", "denied", "The camera is not allowed"],
    ["SecurityError", "denied", "The camera is not allowed"],
    ["NotFoundError", "noCamera", "No camera found"],
    ["OverconstrainedError", "noCamera", "No camera found"],
    ["NotReadableError", "inUse", "The camera is in use"],
    ["AbortError", "cameraFailed", "The camera can’t be started"],
  ])("%s", async (reason, kind, title) => {
    await refused(reason);
    await visitor.expectFailure(kind, title);
    expect(await visitor.page.getByTestId("live-spoken").textContent()).toContain(title);
    expect(await button("live.shutter").isDisabled()).toBe(true);
    await visitor.expectAccessible();
    await visitor.screenshot(`live-${kind}`);
  });

  test.each(["light", "dark"] as const)("in Chinese, in %s, 320 pixels wide", async (colorScheme) => {
    await refused("NotReadableError", { path: "/zh", colorScheme, viewport: { width: 320, height: 640 } });
    await visitor.expectFailure("inUse", "摄像头正被占用");
    await visitor.expectFits();
    await visitor.expectAccessible();
    await visitor.screenshot(`live-zh-${colorScheme}-320-in-use`);
  });

  test("a page that is not secure", async () => {
    // On such a page there is nothing to keep.
    const { port } = new URL(server.url);
    await visit({ prepare: () => undefined }, `http://${INSECURE_HOST}:${port}`);
    await open();
    await visitor.expectFailure("insecure", "This page is not secure", "HTTPS", "localhost");
    await visitor.expectAccessible();
    await visitor.screenshot("live-insecure");
  });

  test("a camera that is unplugged, and it can be tried again", async () => {
    await visit();
    await open();
    await label().waitFor();
    await unplug();
    await visitor.expectFailure("cameraGone", "The camera is gone");
    await setVisibility("visible");
    await visitor.expectFailure("cameraGone");
    await button("failure.tryAgain").click();
    await expectLive("running");
    expect(await tracks()).toEqual(["ended", "live"]);
    expect(await visitor.page.evaluate(() => document.activeElement?.ariaLabel)).toBe("Answer");
  });
});

test("the camera is let go where it opens only after the view was closed", async () => {
  await visit({
    prepare: () => {
      const { mediaDevices } = navigator;
      const streams: MediaStream[] = [];
      const open = mediaDevices.getUserMedia.bind(mediaDevices);
      const { promise, resolve } = Promise.withResolvers<void>();
      Object.assign(window, { streams, allow: resolve });
      mediaDevices.getUserMedia = async (constraints) => {
        await promise;
        const stream = await open(constraints);
        streams.push(stream);
        return stream;
      };
    },
  });
  await open();
  await visitor.page.getByRole("heading", { name: "Starting the camera" }).waitFor();
  await visitor.expectAccessible();
  await visitor.screenshot("live-starting");
  await button("live.close").click();
  await visitor.page.evaluate(() => (window as unknown as { allow: () => void }).allow());
  await expect.poll(tracks).toEqual(["ended"]);
});

test("there is a button only where there is a camera, from the moment it is connected", async () => {
  await visit({ prepare: beginWithoutCamera });
  expect(await liveButton().count()).toBe(0);
  await visitor.page.evaluate(() => (window as unknown as { plug: () => void }).plug());
  await liveButton().waitFor();
});

test("code that can't be loaded is said to be missing, and is loaded when it is tried again", async () => {
  await visit({ prepare: keepStreams });
  await visitor.page.route("**/LiveView*.js", (route) => route.abort("connectionrefused"));
  await open();
  await visitor.expectFailure("notLoaded", "The live view can’t be loaded");
  await visitor.expectAccessible();
  await visitor.screenshot("live-not-loaded");
  await visitor.page.unroute("**/LiveView*.js");
  await button("failure.tryAgain").click();
  await expect.poll(() => label().textContent()).toBe(await expectedLabel(server, "coffee.jpg"));
});
