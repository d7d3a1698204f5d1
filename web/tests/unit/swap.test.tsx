/** The operator of the server replaces its model while the page is open. */

import { fireEvent, render, screen, within } from "@testing-library/preact";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import ImageUploader from "../../src/components/ImageUploader.tsx";
import { PLACE } from "../../src/components/ModelName.tsx";
import { english } from "../../src/i18n/pages.ts";
import type { Model } from "../../src/lib/api.ts";
import { described } from "../../src/lib/model.ts";
import { LOOK_AGAIN_AFTER } from "../../src/lib/useModel.ts";
import { MODEL, PARTS } from "../models.ts";
import { act } from "./act.ts";
import { fakeServer, PREDICTIONS, picture } from "./server.ts";

let server: ReturnType<typeof fakeServer>;
/** What the server says of its model. */
let reply: () => Promise<Response>;
let fetched: ReturnType<typeof vi.fn>;

beforeEach(() => {
  server = fakeServer();
  reply = async () => Response.json(MODEL);
  fetched = vi.fn(() => reply());
  vi.stubGlobal("fetch", fetched);
  document.body.innerHTML = `<footer id="${PLACE}"></footer>`;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function page() {
  render(<ImageUploader />);
  await screen.findByText(/Answered by/);
}

function swap(model: Model) {
  reply = async () => Response.json(model);
}

function choose(...files: File[]) {
  fireEvent.change(screen.getByTestId("chooser"), { target: { files } });
}

async function answer(revision?: string, predictions: unknown = PREDICTIONS) {
  choose(picture());
  const request = await server.request();
  await act(() => request.answer(200, predictions, revision === undefined ? {} : { "Model-Revision": revision }));
}

const footer = () => document.getElementById(PLACE);
const announced = () => screen.getByTestId("model-change");

describe("an answer of another model", () => {
  test("makes the page ask for it and show it, and is announced politely", async () => {
    await page();
    await answer("a1");
    expect(fetched).toHaveBeenCalledOnce();
    expect(footer()).toHaveTextContent("Apache-2.0, with the three most likely of its 1000 labels");
    swap(PARTS);
    await answer("b2");
    expect(fetched).toHaveBeenCalledTimes(2);
    expect(footer()).toHaveTextContent(
      "Answered by Parts (2, 640 x 480), MIT, with those of its 80 labels that reach 25 %",
    );
    expect(announced()).toHaveTextContent("Another model serves now: Parts (2, 640 x 480), MIT");
    expect(announced()).toHaveAttribute("aria-live", "polite");
    expect(screen.getByRole("status")).toHaveTextContent("cat.jpg: Egyptian cat");
    await answer("b2");
    expect(fetched).toHaveBeenCalledTimes(2);
  });

  test("brings the new model's limits, formats and size of pictures", async () => {
    await page();
    expect(screen.getByTestId("chooser")).toHaveAttribute("accept", "image/jpeg,.heic");
    swap({ ...PARTS, limits: { ...PARTS.limits, bodyBytes: 100 }, formats: ["image/png"] });
    await answer("b2");
    expect(screen.getByTestId("chooser")).toHaveAttribute("accept", "image/png");
    expect(screen.getByText(/to a short side of 2560 pixels/)).toBeInTheDocument();
    choose(picture("large.jpg", "x".repeat(101)));
    expect(await screen.findByTestId("failure")).toHaveTextContent("the server takes 100 bytes");
  });

  test("leaves the earlier answers with the model that gave them", async () => {
    await page();
    await answer("a1");
    swap(PARTS);
    await answer("b2", [{ label: "wheel", confidence: 0.9 }]);
    expect(screen.queryByText(/which served before/)).toBeNull();
    fireEvent.click(await screen.findByRole("button", { name: "Egyptian cat" }));
    expect(
      screen.getByText("Answered by MobileNetV2 (alpha 1.0, 224 x 224), which served before."),
    ).toBeInTheDocument();
    swap(MODEL);
    await answer("a1", [{ label: "tabby", confidence: 0.9 }]);
    fireEvent.click(await screen.findByRole("button", { name: "Egyptian cat" }));
    expect(screen.queryByText(/which served before/)).toBeNull();
  });

  test("is not announced where nothing on the page changes", async () => {
    await page();
    swap({ ...MODEL, revision: "a2" });
    await answer("a2");
    expect(fetched).toHaveBeenCalledTimes(2);
    expect(announced()).toBeEmptyDOMElement();
  });

  test("is asked for again with the next answer, where it could not be fetched", async () => {
    await page();
    reply = () => Promise.reject(new TypeError("no network"));
    await answer("b2");
    expect(screen.getByTestId("top-label")).toHaveTextContent("Egyptian cat");
    expect(footer()).toHaveTextContent("MobileNetV2");
    swap(PARTS);
    await answer("b2");
    expect(footer()).toHaveTextContent("Parts");
  });

  test("which an older server does not tell, changes nothing", async () => {
    const { revision, multiLabel, threshold, ...older } = MODEL;
    reply = async () => Response.json(older);
    await page();
    await answer();
    expect(fetched).toHaveBeenCalledOnce();
    expect(footer()).toHaveTextContent("with the three most likely of its 1000 labels");
  });
});

describe("a page that becomes visible again", () => {
  async function later(milliseconds: number) {
    vi.setSystemTime(Date.now() + milliseconds);
    await act(() => document.dispatchEvent(new Event("visibilitychange")));
  }

  test("asks for the model, at most once a minute", async () => {
    await page();
    vi.useFakeTimers({ toFake: ["Date"] });
    swap(PARTS);
    await later(LOOK_AGAIN_AFTER - 1_000);
    expect(fetched).toHaveBeenCalledOnce();
    await later(2_000);
    expect(fetched).toHaveBeenCalledTimes(2);
    expect(footer()).toHaveTextContent("Parts");
    await later(LOOK_AGAIN_AFTER - 1_000);
    expect(fetched).toHaveBeenCalledTimes(2);
  });

  test("does not ask while it is hidden, and keeps quiet about an error", async () => {
    await page();
    vi.useFakeTimers({ toFake: ["Date"] });
    const visibility = vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
    await later(LOOK_AGAIN_AFTER);
    expect(fetched).toHaveBeenCalledOnce();
    visibility.mockReturnValue("visible");
    reply = async () => new Response("", { status: 503 });
    await later(0);
    expect(fetched).toHaveBeenCalledTimes(2);
    expect(footer()).toHaveTextContent("MobileNetV2");
    expect(screen.queryByRole("alert")).toBeNull();
    expect(announced()).toBeEmptyDOMElement();
  });
});

describe("an answer", () => {
  test("may be empty", async () => {
    swap(PARTS);
    await page();
    await answer("b2", []);
    expect(screen.getByRole("heading", { name: "Nothing recognized" })).toBeInTheDocument();
    const panel = within(screen.getByRole("region", { name: "Answer" }));
    expect(panel.getByText(/^Nothing that the model knows is in this picture/)).toBeInTheDocument();
    expect(panel.queryByRole("list")).toBeNull();
    expect(screen.getByRole("status")).toHaveTextContent("cat.jpg: Nothing recognized");
    expect(await screen.findByRole("button", { name: "Nothing recognized" })).toBeInTheDocument();
  });

  test("may have one label or two", async () => {
    await page();
    for (const labels of [["ant"], ["bee", "ant"]]) {
      await answer(
        "a1",
        labels.map((label) => ({ label, confidence: 0.5 })),
      );
      const rows = within(screen.getByRole("region", { name: "Answer" })).getAllByRole("listitem");
      expect(rows.map((row) => row.textContent)).toEqual(labels.map((label) => `${label}50.0 %`));
    }
  });

  test("may have many labels, which scroll and of which the first are read out", async () => {
    await page();
    await answer(
      "a1",
      Array.from({ length: 60 }, (_, index) => ({ label: `part_${index}`, confidence: 0.9 })),
    );
    const many = screen.getByRole("region", { name: "60 labels" });
    expect(within(many).getAllByRole("listitem")).toHaveLength(60);
    expect(many).toHaveAttribute("tabindex", "0");
    expect(screen.getByRole("status")).toHaveTextContent(/part 2, 90.0 %; and 57 more$/);
  });
});

test.each([
  [{ labels: 1000 }, "the three most likely of its 1000 labels"],
  [{ labels: 3 }, "its 3 labels"],
  [{ labels: 2 }, "its 2 labels"],
  [{ labels: 1 }, "its 1 label"],
  [{ labels: 80, multiLabel: true, threshold: 0.125 }, "those of its 80 labels that reach 12.5\u00a0%"],
])("a model of %o answers with %s", (differences, words) => {
  expect(described({ ...MODEL, ...differences }, english)).toMatch(new RegExp(`, with ${words}$`));
});
