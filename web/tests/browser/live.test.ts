/** The live view, from Chromium's camera that shows a known picture. */

import { describe, expect, test } from "vitest";
import {
  askedCameras,
  button,
  expectLive,
  label,
  liveButton,
  open,
  pause,
  sentFrames,
  server,
  setVisibility,
  tracks,
  visit,
  visitor,
  withCamera,
} from "./camera.ts";
import { expectedLabel, largePhotograph, pictureBytes, sizeOf } from "./support.ts";

async function expectLabel(picture: string) {
  const expected = await expectedLabel(server, picture, visitor.language);
  await expect.poll(() => label().textContent()).toBe(expected);
}

describe("the live view", () => {
  test("names what the camera shows, with a chart, the frame rate and what is smoothed", async () => {
    await visit();
    await open();
    await expectLabel("coffee.jpg");
    const { page } = visitor;
    await page.getByText(/^[\d.]+ frames\/s · [\d.]+ m?s a frame$/).waitFor();
    await page.getByText(/^The bars are smoothed over about half a second/).waitFor();
    expect(await page.locator(".live-bars li").count()).toBe(3);
    expect(await page.locator(".live-bars li").first().textContent()).toMatch(/\d %$/);
    const spoken = page.getByTestId("live-spoken");
    await expect.poll(() => spoken.textContent()).toBe(await expectedLabel(server, "coffee.jpg"));
    expect(await page.locator("h1").count()).toBe(1);
  });

  test.each([
    ["that announces no frame", "HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0"],
    ["that can't announce frames", "delete HTMLVideoElement.prototype.requestVideoFrameCallback"],
  ])("works in a browser %s", async (_, script) => {
    await visit();
    await visitor.page.evaluate(script);
    await open();
    await expectLabel("coffee.jpg");
  });

  test("follows the camera from one thing to the next", async () => {
    await visit();
    const coffee = await pictureBytes("coffee.jpg");
    const rocket = await largePhotograph(visitor, await pictureBytes("rocket.jpg"), "image/jpeg", 600 * 400);
    await visitor.close();
    const several = (jpeg: Buffer) => Array.from({ length: 120 }, () => jpeg);
    const browser = await withCamera([...several(coffee), ...several(rocket)]);
    try {
      await visit({}, server.url, browser);
      await open();
      await expectLabel("coffee.jpg");
      await expectLabel("rocket.jpg");
      await expectLabel("coffee.jpg");
    } finally {
      await browser.close();
    }
  });

  test("sends small frames, one at a time, over one connection", async () => {
    await visit();
    const session = await visitor.page.context().newCDPSession(visitor.page);
    await session.send("Network.enable");
    const underWay = new Set<string>();
    const connections = new Set<number>();
    let most = 0;
    let answers = 0;
    session.on("Network.requestWillBeSent", ({ requestId, request }) => {
      if (request.url.endsWith("/api/v1/analyze")) {
        underWay.add(requestId);
        most = Math.max(most, underWay.size);
      }
    });
    session.on("Network.responseReceived", ({ requestId, response }) => {
      if (underWay.has(requestId)) {
        connections.add(response.connectionId);
        answers += 1;
      }
    });
    session.on("Network.loadingFinished", ({ requestId }) => underWay.delete(requestId));
    await open();
    await expect.poll(() => answers).toBeGreaterThan(15);
    expect(most).toBe(1);
    expect(connections.size).toBe(1);
    const [frame] = await visitor.sent();
    // The picture of the camera has 600 x 400 pixels, fewer than a frame may have.
    expect(await sizeOf(visitor, frame as Buffer)).toEqual({ width: 600, height: 400, type: "jpeg" });
  });

  test("keeps a frame among the pictures of the visit, and goes on", async () => {
    await visit();
    await open();
    await expectLabel("coffee.jpg");
    await button("live.shutter").click();
    await visitor.cells().waitFor();
    expect(await visitor.page.getByTestId("live-kept").textContent()).toMatch(
      /^Kept as camera-\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.jpg$/,
    );
    await expectLive("running");
    expect(await tracks()).toEqual(["live"]);
    await button("live.close").click();
    await visitor.expectLabel(await expectedLabel(server, "coffee.jpg"));
    await visitor.page.getByRole("img", { name: /^camera-.*\.jpg$/ }).waitFor();
  });

  test.each(["Close", "Escape", "Live"])("lets the camera go at once when it is closed: %s", async (way) => {
    await visit();
    await open();
    await expectLive("running");
    expect(await visitor.page.evaluate(() => document.activeElement?.ariaLabel)).toBe("Live view");
    expect(await tracks()).toEqual(["live"]);
    // The states of the tracks at the moment at which the view is gone from the page.
    await visitor.page.evaluate(() => {
      const { streams } = window as unknown as { streams: MediaStream[] };
      new MutationObserver((_, observer) => {
        if (!document.querySelector(".live-view")) {
          observer.disconnect();
          const states = streams.flatMap((stream) => stream.getTracks().map(({ readyState }) => readyState));
          Object.assign(window, { statesWhenGone: states });
        }
      }).observe(document.body, { childList: true, subtree: true });
    });
    const frames = sentFrames();
    if (way === "Escape") {
      await visitor.page.keyboard.press("Escape");
    } else {
      await visitor.page.getByRole("button", { name: way, exact: true }).click();
    }
    await visitor.page.getByRole("heading", { name: "What is in the picture?" }).waitFor();
    expect(await tracks()).toEqual(["ended"]);
    expect(
      await visitor.page.evaluate(() => (window as unknown as { statesWhenGone: string[] }).statesWhenGone),
    ).toEqual(["ended"]);
    const sent = frames.length;
    expect(await liveButton().evaluate((it) => it === document.activeElement)).toBe(true);
    await pause(500);
    expect(frames.length).toBe(sent);
  });

  test("ends the request under way when it is closed", async () => {
    await visit();
    await visitor.page.route("**/api/v1/analyze", () => undefined);
    const asked = visitor.page.waitForRequest("**/api/v1/analyze");
    await open();
    await asked;
    const ended = visitor.page.waitForEvent("requestfailed");
    await button("live.close").click();
    expect((await ended).failure()?.errorText).toBe("net::ERR_ABORTED");
    expect(await tracks()).toEqual(["ended"]);
  });

  test("makes way for a picture that is given", async () => {
    await visit();
    await open();
    await expectLive("running");
    await visitor.page.getByRole("button", { name: "A rocket" }).click();
    await visitor.expectLabel(await expectedLabel(server, "rocket.jpg"));
    expect(await label().count()).toBe(0);
    expect(await tracks()).toEqual(["ended"]);
    await open();
    await expectLive("running");
    await visitor.cells().click();
    await visitor.expectPhase("answered");
    expect(await tracks()).toEqual(["ended", "ended"]);
  });

  test("turns to the other camera", async () => {
    await visit();
    await open();
    await expectLabel("coffee.jpg");
    await button("live.switch").click();
    await expect.poll(tracks).toEqual(["ended", "live"]);
    await expectLive("running");
    expect((await askedCameras())[1]).toBe("second");
    await button("live.switch").click();
    await expect.poll(tracks).toEqual(["ended", "ended", "live"]);
    expect((await askedCameras())[2]).toMatch(/^[0-9a-f]{10,}$/);
  });

  test("flashes when a frame is kept, unless motion is to be reduced", async () => {
    const flash = () => visitor.page.locator(".live-flash").evaluate((it) => getComputedStyle(it).display);
    for (const [reducedMotion, display] of [
      ["no-preference", "block"],
      ["reduce", "none"],
    ] as const) {
      await visitor?.page.context().close();
      await visit({ reducedMotion });
      await open();
      await expectLive("running");
      await button("live.shutter").click();
      await expect.poll(flash).toBe(display);
    }
  });

  test("stops on a hidden page with the camera off, and starts again on a visible one", async () => {
    await visit();
    await open();
    await expectLabel("coffee.jpg");
    const frames = sentFrames();
    await setVisibility("hidden");
    expect(await tracks()).toEqual(["ended"]);
    await pause(200);
    const sent = frames.length;
    await pause(700);
    expect(frames.length).toBe(sent);
    await setVisibility("visible");
    await expect.poll(tracks).toEqual(["ended", "live"]);
    await expect.poll(() => frames.length).toBeGreaterThan(sent + 2);
  });
});

describe("a server that asks to wait", () => {
  test.each([
    [429, "Too many requests"],
    [503, "The server is busy"],
  ])("%i is left alone for that time, and then asked again", async (status, title) => {
    await visit();
    let isBusy = true;
    const times: number[] = [];
    await visitor.page.route("**/api/v1/analyze", async (route) => {
      times.push(Date.now());
      if (isBusy) {
        isBusy = false;
        await route.fulfill({ status, headers: { "Retry-After": "3" }, json: { message: "no" } });
      } else {
        await route.continue();
      }
    });
    await open();
    await visitor.page.getByText(`${title}. Trying again in 3 s`).waitFor();
    await visitor.page.getByText(`${title}. Trying again in 1 s`).waitFor();
    const spoken = visitor.page.getByTestId("live-spoken");
    await expect.poll(() => spoken.textContent()).toBe(`${title}. It will be tried again`);
    await expectLabel("coffee.jpg");
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(2_900);
  });

  test("is not asked earlier after the page was hidden", async () => {
    await visit();
    const headers = { "Retry-After": "60" };
    await visitor.page.route("**/api/v1/analyze", (route) => route.fulfill({ status: 503, headers, json: {} }));
    const frames = sentFrames();
    await open();
    await expectLive("busy");
    await setVisibility("hidden");
    await setVisibility("visible");
    await expect.poll(tracks).toEqual(["ended", "live"]);
    await visitor.page.getByText(/^The server is busy\. Trying again in 5\d s$/).waitFor();
    expect(frames.length).toBe(1);
  });

  test("or can't be reached is asked again", async () => {
    await visit();
    await open();
    await expectLabel("coffee.jpg");
    await visitor.page.route("**/api/v1/analyze", (route) => route.abort("connectionrefused"));
    await visitor.page.getByText(/^No connection to the server\. Trying again in 2 s$/).waitFor();
    await visitor.page.unroute("**/api/v1/analyze");
    await expectLive("running");
    await visitor.page.getByText(/frames\/s/).waitFor();
  });
});

test("a server that wants a key is given one", async () => {
  await visit();
  await visitor.page.route("**/api/v1/analyze", (route) =>
    route.request().headers().authorization === "Bearer secret"
      ? route.continue()
      : route.fulfill({ status: 401, json: { message: "An API key is required" } }),
  );
  await open();
  await visitor.expectFailure("unauthorized");
  expect(await tracks()).toEqual(["ended"]);
  await visitor.page.getByLabel("API key").fill("secret");
  await visitor.page.keyboard.press("Enter");
  await expectLabel("coffee.jpg");
});

test("another refusal is shown, and ends it until it is tried again", async () => {
  await visit();
  let isRefused = true;
  await visitor.page.route("**/api/v1/analyze", (route) =>
    isRefused ? route.fulfill({ status: 500, json: { message: "Internal server error" } }) : route.continue(),
  );
  await open();
  await visitor.expectFailure("broken", "The server has failed", "Internal server error");
  expect(await tracks()).toEqual(["ended"]);
  await setVisibility("visible");
  await visitor.expectFailure("broken");
  isRefused = false;
  await button("failure.tryAgain").click();
  await expectLabel("coffee.jpg");
});
