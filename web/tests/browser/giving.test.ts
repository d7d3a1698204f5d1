import { describe, expect, test } from "vitest";
import { server, visit, visitor } from "./stage.ts";
import { expectedLabel, phoneFile, pictureBytes, sampleFile } from "./support.ts";

describe("a picture is given", () => {
  test.each([
    "rocket.jpg",
    "rocket_progressive.jpg",
    "chelsea_phone.jpg",
    "coffee.png",
    "chelsea_alpha.png",
    "chelsea.webp",
    "coffee.gif",
    "chelsea.bmp",
    "coffee.tif",
  ])("by the file dialog: %s", async (name) => {
    await visit();
    await visitor.choose(name);
    await visitor.expectLabel(await expectedLabel(server, name));
  });

  test("by the large button in the finder", async () => {
    await visit();
    const dialog = visitor.page.waitForEvent("filechooser");
    await visitor.page.getByRole("button", { name: /Drop photographs here/ }).click();
    expect((await dialog).isMultiple()).toBe(true);
    await (await dialog).setFiles(await sampleFile("coffee.jpg"));
    await visitor.expectLabel(await expectedLabel(server, "coffee.jpg"));
  });

  test("with others, and each can be gone back to", async () => {
    await visit();
    await visitor.choose("rocket.jpg", "coffee.jpg", "chelsea.png");
    const gallery = visitor.gallery();
    for (const name of ["chelsea.png", "coffee.jpg", "rocket.jpg"]) {
      const label = await expectedLabel(server, name);
      await gallery.getByRole("button", { name: label }).click();
      await visitor.expectLabel(label);
    }
    expect(await visitor.cells().count()).toBe(3);
  });

  test("twice, though it is the same file", async () => {
    await visit();
    await visitor.choose("coffee.jpg");
    await visitor.choose("coffee.jpg");
    await visitor.expectPhase("answered");
    expect(await visitor.cells().count()).toBe(2);
  });

  test("by dropping it anywhere, with a target while it is dragged", async () => {
    await visit();
    const { page } = visitor;
    await page.getByText(/Answered by/).waitFor();
    const bytes = (await pictureBytes("coffee.jpg")).toString("base64");
    const transfer = await page.evaluateHandle((base64) => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], "dropped.jpg", { type: "image/jpeg" }));
      return transfer;
    }, bytes);
    await page.dispatchEvent("footer", "dragenter", { dataTransfer: transfer });
    await page.getByTestId("drop-overlay").waitFor();
    await visitor.screenshot("dragging");
    await page.dispatchEvent("footer", "drop", { dataTransfer: transfer });
    await page.getByTestId("drop-overlay").waitFor({ state: "detached" });
    await visitor.expectLabel(await expectedLabel(server, "coffee.jpg"));
  });

  test("by pasting it", async () => {
    await visit({ permissions: ["clipboard-read", "clipboard-write"] });
    await visitor.page.getByText(/Answered by/).waitFor();
    await visitor.page.evaluate(
      async (base64) => {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
      },
      (await pictureBytes("coffee.png")).toString("base64"),
    );
    await visitor.page.keyboard.press("Control+V");
    await visitor.expectLabel(await expectedLabel(server, "coffee.png"));
  });

  test("by the camera of a phone", async () => {
    await visit({
      viewport: { width: 390, height: 844 },
      isMobile: true,
      hasTouch: true,
    });
    await visitor.page.getByRole("button", { name: "Tap to choose photographs" }).waitFor();
    await visitor.screenshot("phone-empty");
    const dialog = visitor.page.waitForEvent("filechooser");
    await visitor.page.getByRole("button", { name: "Take a photo" }).tap();
    const chooser = await dialog;
    expect(await chooser.element().getAttribute("capture")).toBe("environment");
    await chooser.setFiles(await sampleFile("chelsea_phone.jpg"));
    await visitor.expectLabel(await expectedLabel(server, "chelsea_phone.jpg"));
    await visitor.page.waitForTimeout(700);
    await visitor.screenshot("phone-answered");
  });

  test("where there is a mouse there is no camera button", async () => {
    await visit();
    expect(await visitor.page.getByRole("button", { name: "Take a photo" }).isVisible()).toBe(false);
  });

  test.each([
    ["A cat", "chelsea.webp"],
    ["A cup of coffee", "coffee.jpg"],
    ["A rocket", "rocket_progressive.jpg"],
  ])("as a sample: %s", async (button, file) => {
    await visit();
    await visitor.page.getByRole("button", { name: button }).click();
    await visitor.expectLabel(await expectedLabel(server, file));
  });

  test("though the browser can't show it", async () => {
    await visit();
    await visitor.choose("coffee.tif");
    await visitor.page.getByText("This browser can’t show it; the server may still know it.").waitFor();
    await visitor.expectLabel(await expectedLabel(server, "coffee.tif"));
    await visitor.screenshot("not-shown");
  });

  test.each(["coffee.heic", "coffee.avif"])("from a phone: %s", async (name) => {
    await visit();
    await visitor.choose(await phoneFile(name));
    await visitor.expectLabel(await expectedLabel(server, "coffee.jpg"));
    // Chromium shows AVIF, and not HEIC: no picture may be broken.
    const images = await visitor.page.locator("img").all();
    for (const image of images) {
      expect(await image.evaluate((it: HTMLImageElement) => it.complete && it.naturalWidth === 0)).toBe(false);
    }
    await visitor.screenshot(name.replace(".", "-"));
  });
});

describe("the answer", () => {
  test("can be copied", async () => {
    await visit({ permissions: ["clipboard-read", "clipboard-write"] });
    await visitor.choose("coffee.jpg");
    await visitor.page.getByRole("button", { name: "Copy as JSON" }).click();
    await visitor.page.getByRole("button", { name: "Copied" }).waitFor();
    const json = JSON.parse(await visitor.page.evaluate(() => navigator.clipboard.readText()));
    expect(json).toHaveLength(3);
    expect(json[0].label.replaceAll("_", " ")).toBe(await expectedLabel(server, "coffee.jpg"));
    await visitor.page.getByRole("button", { name: "Copy as curl" }).click();
    await expect
      .poll(() => visitor.page.evaluate(() => navigator.clipboard.readText()))
      .toContain(`${server.url}/api/v1/analyze`);
  });

  test("has the server's own time, and the model's name at the foot", async () => {
    await visit();
    await visitor.page.getByRole("button", { name: "A cat" }).click();
    await visitor.page.getByTestId("server-time").waitFor();
    expect(await visitor.page.getByTestId("server-time").textContent()).toMatch(
      /^[\d.]+ m?s on the server, [\d.]+ m?s in all$/,
    );
    await visitor.page.getByText(/^queue .* · decode .* · resize .* · inference .*s$/).waitFor();
    const { name } = (await (await fetch(`${server.url}/api/v1/model`)).json()) as { name: string };
    await visitor.page.getByText(`Answered by ${name}`).waitFor();
  });
});
