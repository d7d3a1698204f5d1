import { describe, expect, test } from "vitest";
import { server, visit, visitor } from "./stage.ts";
import { expectedLabel, largePhotograph, lyingOnItsSide, pictureBytes, sizeOf } from "./support.ts";

function jpeg(name: string, buffer: Buffer) {
  return { name, mimeType: "image/jpeg", buffer };
}

function last<T>(list: T[]): T {
  return list.at(-1) as T;
}

async function answered() {
  await visitor.expectPhase("answered");
  return (await visitor.label().textContent()) ?? "";
}

describe("while a picture is on its way", () => {
  test("it is shown at once, its upload is counted, and Cancel ends the request", async () => {
    await visit();
    const large = await largePhotograph(visitor);
    await visitor.shrinks().uncheck();
    await visitor.slowUploads(500_000);
    await visitor.choose(jpeg("holiday.jpg", large));
    await visitor.page.getByAltText("holiday.jpg").waitFor();
    await visitor.page.getByText(/^Uploading \d+ %$/).waitFor();
    await visitor.page.getByText(/^[\d.]+ .B of [\d.]+ MB$/).waitFor();
    await visitor.expectAccessible();
    await visitor.screenshot("uploading");
    const ended = visitor.page.waitForEvent("requestfailed");
    await visitor.cancel();
    expect((await ended).failure()?.errorText).toBe("net::ERR_ABORTED");
    await visitor.expectPhase("cancelled");
    await visitor.expectAccessible();
    await visitor.screenshot("cancelled");
    // The server also notices: the body ended early, or the client disconnected.
    const status = () => server.log.find((entry) => String(entry.uri).startsWith("/api/v1/analyze"))?.status;
    await expect.poll(status).toBeOneOf([400, 499]);
  });

  test("cancelled or not, the next one is answered", async () => {
    await visit();
    await visitor.shrinks().uncheck();
    await visitor.slowUploads(2_000_000);
    await visitor.choose(jpeg("first.jpg", await largePhotograph(visitor)), "coffee.jpg");
    await visitor.cancel();
    const gallery = visitor.gallery();
    await gallery.getByRole("button", { name: await expectedLabel(server, "coffee.jpg") }).waitFor();
    await visitor.page.getByRole("button", { name: "Try again" }).click();
    await answered();
  });

  /** The positions of the elements that an answer could move. */
  function places() {
    return visitor.page.evaluate(() =>
      [".viewfinder", ".panel", ".sources", ".visit", ".site-footer"].map((selector) => {
        const box = document.querySelector(selector)?.getBoundingClientRect();
        return box && [selector, box.left, box.top + scrollY, box.width];
      }),
    );
  }

  test("nothing jumps when the answer comes", async () => {
    await visit();
    await visitor.slowUploads(40_000);
    await visitor.page.getByRole("button", { name: "A cup of coffee" }).click();
    await visitor.expectPhase("uploading");
    const before = await places();
    await answered();
    expect(await places()).toEqual(before);
  });

  const WIDTHS = [320, 360, 390, 820, 1280, 1920];

  test.each([
    ...WIDTHS.map((width) => ["/", width, "American_Staffordshire_terrier"] as const),
    ...WIDTHS.map((width) => ["/zh", width, "Pembroke"] as const),
  ])("nor where its labels are long: %s at %i pixels", async (path, width, longest) => {
    await visit({ path, viewport: { width, height: 800 } });
    const { t, code } = visitor.language;
    const { promise: asked, resolve: answer } = Promise.withResolvers<void>();
    const labels = [longest, "Staffordshire_bullterrier", "soft-coated_wheaten_terrier"];
    await visitor.page.route("**/api/v1/analyze*", async (route) => {
      await asked;
      const headers = { "Server-Timing": "queue;dur=10.5, decode;dur=120.5, resize;dur=10.5, inference;dur=10.5" };
      await route.fulfill({ headers, json: labels.map((label) => ({ label, confidence: 0.3 })) });
    });
    await visitor.page.getByRole("button", { name: t("samples.coffee") }).click();
    await visitor.page.getByRole("heading", { name: t("phase.analyzing") }).waitFor();
    const before = await places();
    answer();
    await answered();
    await visitor.screenshot(`long-${code}-${width}`);
    expect(await places()).toEqual(before);
  });
});

describe("a file is sent as it is", () => {
  test.each([
    ["coffee.jpg", "image/jpeg", "image/jpeg"],
    ["coffee.tif", "image/tiff", "image/tiff"],
    // The browser's types for files come from the system, which may know none or a wrong one.
    ["coffee.png", "", "application/octet-stream"],
    ["coffee.png", "text/plain", "application/octet-stream"],
  ])("%s of the type '%s' as %s", async (name, mimeType, sentType) => {
    await visit();
    const buffer = await pictureBytes(name);
    const asked = visitor.page.waitForRequest("**/api/v1/analyze*");
    await visitor.choose({ name: "picture", mimeType, buffer });
    expect(await (await asked).headerValue("Content-Type")).toBe(sentType);
    await visitor.expectLabel(await expectedLabel(server, name));
    expect(last(await visitor.sent()).equals(buffer)).toBe(true);
  });
});

describe("a large photograph", () => {
  const SIDE = 896;

  test("is made smaller before it is sent, and the page says so", async () => {
    await visit();
    const large = await largePhotograph(visitor);
    await visitor.choose(jpeg("large.jpg", large));
    const label = await answered();
    expect(label).toBe(await expectedLabel(server, "coffee.jpg"));
    const sent = last(await visitor.sent());
    expect(await sizeOf(visitor, sent)).toEqual({ width: 1344, height: SIDE, type: "jpeg" });
    expect(sent.length).toBeLessThan(large.length / 5);
    expect(await visitor.page.getByTestId("sent").textContent()).toMatch(/^Sent as \d+ kB instead of [\d.]+ MB\.$/);
  });

  test("is sent as it is where the switch is off", async () => {
    await visit();
    const large = await largePhotograph(visitor);
    await visitor.page.getByRole("switch", { name: "Shrink large photographs" }).uncheck();
    await visitor.choose(jpeg("large.jpg", large));
    expect(await answered()).toBe(await expectedLabel(server, "coffee.jpg"));
    expect(last(await visitor.sent()).equals(large)).toBe(true);
    expect(await visitor.page.getByTestId("sent").textContent()).toMatch(/^Sent as it is, [\d.]+ MB\.$/);
  });

  test("that lies on its side is sent upright", async () => {
    await visit();
    const lying = lyingOnItsSide(await largePhotograph(visitor));
    expect(await sizeOf(visitor, lying)).toMatchObject({ width: 2851, height: 4277 });
    await visitor.choose(jpeg("lying.jpg", lying));
    const shrunk = await answered();
    const sent = last(await visitor.sent());
    expect(await sizeOf(visitor, sent)).toMatchObject({ width: SIDE, height: 1344 });
    await visitor.shrinks().uncheck();
    await visitor.choose(jpeg("lying.jpg", lying));
    expect(await answered()).toBe(shrunk);
  });

  test("of another format is sent as JPEG", async () => {
    await visit();
    const webp = await largePhotograph(visitor, undefined, "image/webp", 3_000_000);
    await visitor.choose({ name: "large.webp", mimeType: "image/webp", buffer: webp });
    await answered();
    expect(await sizeOf(visitor, last(await visitor.sent()))).toEqual({ width: 1344, height: SIDE, type: "jpeg" });
  });

  test("that is small or that is no smaller as JPEG is left alone", async () => {
    await visit();
    for (const name of ["coffee.jpg", "chelsea_alpha.png"]) {
      await visitor.choose(name);
      await answered();
    }
    expect((await visitor.sent()).map(({ length }) => length)).toEqual([72_326, 71_492]);
  });
});
