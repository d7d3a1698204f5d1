/** What the page says and does without a network, and what it says of a visitor's pictures and does with them. */

import { describe, expect, test } from "vitest";
import { chinese, english } from "../../src/i18n/pages.ts";
import { startProxy } from "./proxy.ts";
import { server, visit, visitor } from "./stage.ts";
import { expectedLabel } from "./support.ts";

const PAGES = [
  ["/", english],
  ["/zh", chinese],
] as const;
const LOOKS = PAGES.flatMap(([path, language]) => [
  [path, "light", language] as const,
  [path, "dark", language] as const,
]);
/** Far less than the time after which a connection counts as dead. In milliseconds. */
const AT_ONCE = 5_000;

function note() {
  return visitor.page.locator("#offline-note");
}

/** Where the parts of the page are. */
function places() {
  return visitor.page.evaluate(() =>
    [...document.querySelectorAll(".site-header, main, .stage > *, .privacy, .site-footer")].map((part) => {
      const { x, y, width, height } = part.getBoundingClientRect();
      return [part.className, x, y, width, height];
    }),
  );
}

describe("without a network", () => {
  test.each(LOOKS)(
    "the page %s says so, in %s, for as long, and moves nothing",
    async (path, colorScheme, { t, code }) => {
      await visit({ path, colorScheme, viewport: { width: 320, height: 640 }, reducedMotion: "reduce" });
      await visitor.expectModel();
      await visitor.page.evaluate(() => document.fonts.ready);
      const before = await places();
      expect(before.length).toBeGreaterThan(5);
      expect([await note().getAttribute("role"), await note().textContent()]).toEqual(["status", ""]);
      await visitor.page.context().setOffline(true);
      await visitor.page.getByRole("status").getByText(t("offline.note")).waitFor();
      expect(await places()).toEqual(before);
      const box = await note().boundingBox();
      expect(box).toMatchObject({ x: 0, y: 0, width: 320, height: 24 });
      await visitor.expectAccessible();
      await visitor.expectFits();
      await visitor.screenshot(`no-network-${code}-${colorScheme}`);
      await visitor.page.context().setOffline(false);
      await expect.poll(() => note().textContent()).toBe("");
      expect((await note().boundingBox())?.height ?? 0).toBe(0);
    },
  );

  test.each(PAGES)("a chosen picture fails at once, on the page %s, and is answered with one", async (path, { t }) => {
    await visit({ path });
    await visitor.expectModel();
    await visitor.page.context().setOffline(true);
    const begun = performance.now();
    await visitor.choose("coffee.jpg");
    await visitor.expectFailure("offline", t("failure.offline"));
    expect(performance.now() - begun).toBeLessThan(AT_ONCE);
    await visitor.page.context().setOffline(false);
    await visitor.page.getByRole("button", { name: t("failure.tryAgain") }).click();
    await visitor.expectLabel(await expectedLabel(server, "coffee.jpg", visitor.language));
  });
});

describe("a visitor's pictures", () => {
  test.each(PAGES)("are said to be forgotten, before and after the first one, on the page %s", async (path, { t }) => {
    await visit({ path });
    await visitor.expectModel();
    const said = visitor.page.getByText(t("privacy.text"));
    expect(await said.isVisible()).toBe(true);
    await visitor.choose("coffee.jpg");
    await visitor.expectPhase("answered");
    expect(await said.isVisible()).toBe(true);
    await visitor.page.getByRole("heading", { level: 2, name: t("privacy.heading") }).waitFor();
  });

  test("have URLs that are never sent anywhere", async () => {
    const proxy = await startProxy(server, "");
    try {
      await visit({ permissions: ["clipboard-read", "clipboard-write"] }, proxy);
      await visitor.choose("coffee.jpg", "rocket.jpg");
      await visitor
        .gallery()
        .getByRole("button", { name: await expectedLabel(server, "rocket.jpg") })
        .click();
      await visitor.expectPhase("answered");
      for (const name of [english.t("copy.json"), english.t("copy.curl")]) {
        await visitor.page.getByRole("button", { name }).click();
      }
      const shown = await visitor.page
        .locator("img")
        .evaluateAll((all) => all.map((it) => (it as HTMLImageElement).src));
      expect(shown.filter((url) => url.startsWith("blob:")).length).toBeGreaterThan(0);
      await visitor.page.reload();
      await visitor.expectModel();
      // Headers and bodies are in what was received, so it would be found there.
      const pictures = proxy.received.filter((request) => request.includes("/api/v1/analyze"));
      expect(pictures).toHaveLength(2);
      expect(pictures.every((request) => request.length > 10_000)).toBe(true);
      expect(proxy.received.filter((request) => request.includes("blob:")).map(String)).toEqual([]);
    } finally {
      await proxy.stop();
    }
  });
});
