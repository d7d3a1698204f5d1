/** The maps on the page: when they are asked for, and which one is shown. */

import { fireEvent, render, screen, within } from "@testing-library/preact";
import { userEvent } from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import ImageUploader from "../../src/components/ImageUploader.tsx";
import { PLACE } from "../../src/components/ModelName.tsx";
import type { Model } from "../../src/lib/api.ts";
import { MODEL } from "../models.ts";
import { act } from "./act.ts";
import { fakeServer, PREDICTIONS, picture } from "./server.ts";

const EXPLAINING = { ...MODEL, activation: { rows: 2, columns: 2 } } satisfies Model;
const WINDOW = { left: 0, top: 0, width: 1, height: 1 };
/** One in each of three corners. */
const EXPLAINED = PREDICTIONS.map((prediction, rank) => ({
  ...prediction,
  activation: { rows: 2, columns: 2, values: [0, 1, 2, 3].map((index) => (index === rank ? 1 : 0)), window: WINDOW },
}));

let server: ReturnType<typeof fakeServer>;
/** What the server says of its model. */
let model: Model;

beforeEach(() => {
  server = fakeServer();
  model = EXPLAINING;
  vi.stubGlobal("fetch", async () => Response.json(model));
  // jsdom has no canvas.
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(null);
  document.body.innerHTML = `<footer id="${PLACE}"></footer>`;
});
afterEach(() => {
  vi.unstubAllGlobals();
});

async function page() {
  render(<ImageUploader />);
  await screen.findByText(/Answered by/);
}

async function request() {
  fireEvent.change(screen.getByTestId("chooser"), { target: { files: [picture()] } });
  return server.request();
}

async function answered(predictions: unknown = EXPLAINED) {
  await page();
  const asked = await request();
  await act(() => asked.answer(200, predictions));
  fireEvent.load(screen.getByAltText("cat.jpg"));
}

const bars = () => within(screen.getByRole("region", { name: "Answer" })).getAllByRole("button", { name: /%$/ });
const pressed = () => bars().map((bar) => bar.getAttribute("aria-pressed"));
const opacities = () => screen.getAllByTestId("map").map(({ style }) => Number(style.opacity));
const sentence = () => screen.getByTestId("where").textContent;

describe("maps are asked for", () => {
  test("where the model has them", async () => {
    await page();
    expect((await request()).url).toBe("./api/v1/analyze?explain=true");
  });

  test.each([null, undefined])("not where it has none: %s", async (activation) => {
    model = { ...MODEL, ...(activation === null && { activation }) };
    await page();
    expect((await request()).url).toBe("./api/v1/analyze");
    expect(screen.queryByRole("switch", { name: "Show where it looked" })).toBeNull();
  });

  test("while the model is unknown as well, because it may have some", async () => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 500 }));
    render(<ImageUploader />);
    expect((await request()).url).toBe("./api/v1/analyze?explain=true");
  });

  test("no more where another model serves by now, and the picture is answered without", async () => {
    await page();
    const first = await request();
    await act(() => first.answer(400, { message: "The model has no maps" }));
    const second = await server.request();
    expect([second.url, second.body]).toEqual(["./api/v1/analyze", first.body]);
    await act(() => second.answer(200, PREDICTIONS));
    expect(screen.getByTestId("top-label")).toHaveTextContent("Egyptian cat");
    expect(within(screen.getByRole("region", { name: "Answer" })).queryByRole("button", { name: /%$/ })).toBeNull();
    expect(screen.queryByTestId("where")).toBeNull();
  });
});

describe("the map", () => {
  test("is that of the first label, with a sentence that is read out as well", async () => {
    await answered();
    expect(pressed()).toEqual(["true", "false", "false"]);
    expect(opacities()).toEqual([0.6, 0, 0]);
    expect(sentence()).toBe("For Egyptian cat it looked mostly at the upper left.");
    expect(screen.getAllByText(sentence() ?? "")[1]).toHaveAttribute("aria-live", "polite");
  });

  test("is that of the label with the focus, and stays", async () => {
    await answered();
    await act(() => bars()[1]?.focus());
    expect(pressed()).toEqual(["false", "true", "false"]);
    expect(opacities()).toEqual([0, 0.6, 0]);
    expect(sentence()).toBe("For tabby it looked mostly at the upper right.");
    await act(() => bars()[1]?.blur());
    expect(opacities()).toEqual([0, 0.6, 0]);
  });

  test("is that of the label below the pointer, until it leaves", async () => {
    await answered();
    const third = bars()[2] as HTMLElement;
    await userEvent.hover(third);
    expect(opacities()).toEqual([0, 0, 0.6]);
    expect(sentence()).toBe("For tiger cat it looked mostly at the lower left.");
    await userEvent.unhover(third);
    expect(opacities()).toEqual([0.6, 0, 0]);
    await userEvent.click(third);
    await userEvent.unhover(third);
    expect(opacities()).toEqual([0, 0, 0.6]);
  });

  test("goes with the switch, for the pictures that follow as well", async () => {
    await answered();
    await userEvent.click(screen.getByRole("switch", { name: "Show where it looked" }));
    expect(opacities()).toEqual([0, 0, 0]);
    expect(screen.getByRole("slider", { name: "Strength" })).toBeDisabled();
    await act(() => bars()[1]?.focus());
    expect(opacities()).toEqual([0, 0, 0]);
    const next = await request();
    await act(() => next.answer(200, EXPLAINED));
    fireEvent.load(screen.getByAltText("cat.jpg"));
    expect(opacities()).toEqual([0, 0, 0]);
    expect(pressed(), "each picture begins with its first label").toEqual(["true", "false", "false"]);
  });

  test("is as strong as the slider says", async () => {
    await answered();
    const slider = screen.getByRole("slider", { name: "Strength" });
    expect(slider).toHaveValue("60");
    fireEvent.input(slider, { target: { value: "90" } });
    expect(opacities()).toEqual([0.9, 0, 0]);
    expect(slider).toHaveAttribute("aria-valuetext", "90\u00a0%");
  });

  test("is missing for labels after the tenth, which are no buttons", async () => {
    await answered([...EXPLAINED, { label: "lynx", confidence: 0.01 }]);
    expect(bars()).toHaveLength(3);
    expect(screen.getAllByTestId("map")).toHaveLength(3);
    expect(screen.getByText("lynx")).toBeInTheDocument();
  });

  test("is not copied", async () => {
    const user = userEvent.setup();
    await answered();
    await user.click(screen.getByRole("button", { name: "Copy as JSON" }));
    expect(JSON.parse(await navigator.clipboard.readText())).toEqual(PREDICTIONS);
    await user.click(screen.getByRole("button", { name: "Copy as curl" }));
    expect(await navigator.clipboard.readText()).not.toContain("explain");
  });
});
