import { fireEvent, render, screen, waitFor, within } from "@testing-library/preact";
import { userEvent } from "@testing-library/user-event";
import { beforeEach, describe, expect, test, vi } from "vitest";
import ImageUploader from "../../src/components/ImageUploader.tsx";
import { PLACE } from "../../src/components/ModelName.tsx";
import { Studio } from "../../src/lib/studio.ts";
import { MODEL } from "../models.ts";
import { act } from "./act.ts";
import { fakeServer, PREDICTIONS, picture, TIMING } from "./server.ts";

let server: ReturnType<typeof fakeServer>;

beforeEach(() => {
  server = fakeServer();
  const fetch = async (url: string) =>
    url.endsWith("/model") ? Response.json(MODEL) : { ok: true, blob: async () => new Blob(["sample"]) };
  vi.stubGlobal("fetch", vi.fn(fetch));
  document.body.innerHTML = `<footer id="${PLACE}"></footer>`;
});

async function page() {
  render(<ImageUploader />);
  // The page now knows the limits.
  await screen.findByText(/Answered by/);
}

function choose(...files: File[]) {
  fireEvent.change(screen.getByTestId("chooser"), { target: { files } });
}

function transfer(files: File[], types = ["Files"]) {
  return { files, types };
}

async function answer(status = 200, body: unknown = PREDICTIONS, headers: Record<string, string> = {}) {
  const request = await server.request();
  await act(() => request.answer(status, body, headers));
}

/** Waits long enough for a file to be read and sent. */
function settled() {
  return act(() => new Promise((resolve) => setTimeout(resolve, 100)));
}

const topLabel = () => screen.findByTestId("top-label");

describe("a picture comes", () => {
  test("from the file dialog, several at once, and each is answered in turn", async () => {
    await page();
    choose(picture("one.jpg"), picture("two.jpg"));
    const strip = screen.getByRole("region", { name: "Pictures of this visit" });
    const cells = () =>
      within(strip)
        .queryAllByRole("gridcell")
        .map((cell) => within(cell).getByRole("button"));
    await waitFor(() => expect(cells()).toHaveLength(2));
    const first = await server.request();
    await settled();
    expect(server.waiting, "one after the other").toBe(0);
    await act(() => first.answer(200, PREDICTIONS));
    expect(await topLabel()).toHaveTextContent("Egyptian cat");
    await answer(200, [{ label: "espresso", confidence: 0.9 }]);
    await waitFor(() => expect(cells()[1]).toHaveAccessibleName("espresso"));
    // The selected picture stays until another one is chosen.
    expect(await topLabel()).toHaveTextContent("Egyptian cat");
    await userEvent.click(within(strip).getByRole("button", { name: "espresso" }));
    expect(await topLabel()).toHaveTextContent("espresso");
    expect(within(strip).getByRole("button", { name: "espresso" })).toHaveAttribute("aria-current", "true");
  });

  test.each(["Choose photographs", /Drop photographs here/])(
    "by a real button that opens the dialog: %s",
    async (name) => {
      await page();
      const opened = vi.spyOn(HTMLInputElement.prototype, "click").mockImplementation(() => undefined);
      await userEvent.click(screen.getByRole("button", { name }));
      expect(opened).toHaveBeenCalledOnce();
      expect(opened.mock.contexts[0]).toBe(screen.getByTestId("chooser"));
    },
  );

  test("from the camera", async () => {
    await page();
    const camera = screen.getByTestId("camera");
    expect(camera).toHaveAttribute("capture", "environment");
    fireEvent.change(camera, { target: { files: [picture()] } });
    await answer();
    expect(await topLabel()).toBeInTheDocument();
  });

  test("by a drop anywhere, with a target while it is dragged", async () => {
    await page();
    const dataTransfer = transfer([picture()]);
    fireEvent.dragEnter(document.body, { dataTransfer });
    expect(screen.getByTestId("drop-overlay")).toHaveTextContent("Let go to analyze");
    const inner = screen.getByRole("button", { name: "Choose photographs" });
    fireEvent.dragEnter(inner, { dataTransfer });
    fireEvent.dragLeave(document.body, { dataTransfer });
    expect(screen.getByTestId("drop-overlay")).toBeInTheDocument();
    fireEvent.dragLeave(inner, { dataTransfer });
    expect(screen.queryByTestId("drop-overlay")).toBeNull();
    fireEvent.dragEnter(document.body, { dataTransfer });
    expect(fireEvent.dragOver(document.body, { dataTransfer })).toBe(false);
    expect(fireEvent.drop(document.body, { dataTransfer })).toBe(false);
    expect(screen.queryByTestId("drop-overlay")).toBeNull();
    await answer();
    expect(await topLabel()).toBeInTheDocument();
  });

  test("by a drop, and the target goes though what was under it is gone", async () => {
    await page();
    const dataTransfer = transfer([picture()]);
    const gone = document.body.appendChild(document.createElement("p"));
    fireEvent.dragEnter(gone, { dataTransfer });
    fireEvent.dragEnter(document.body, { dataTransfer });
    gone.remove();
    fireEvent.dragLeave(document.body, { dataTransfer });
    expect(screen.queryByTestId("drop-overlay")).toBeNull();
  });

  test("but a text that is dragged or pasted is none of ours", async () => {
    await page();
    const dataTransfer = transfer([], ["text/plain"]);
    fireEvent.dragEnter(document.body, { dataTransfer });
    expect(screen.queryByTestId("drop-overlay")).toBeNull();
    expect(fireEvent.dragOver(document.body, { dataTransfer })).toBe(true);
    fireEvent.paste(document.body, { clipboardData: dataTransfer });
    expect(screen.getByText(/^None yet/)).toBeInTheDocument();
  });

  test("from the clipboard", async () => {
    await page();
    fireEvent.paste(document.body, { clipboardData: transfer([picture("image.png")]) });
    await answer();
    expect(await topLabel()).toBeInTheDocument();
  });

  test.each(["A cat", "A cup of coffee", "A rocket"])("from the samples: %s", async (name) => {
    await page();
    await userEvent.click(screen.getByRole("button", { name }));
    expect(await (await server.request()).body?.text()).toBe("sample");
  });

  test.each([
    ["for want of a network", () => Promise.reject(new TypeError("no network"))],
    ["for it is gone", async () => new Response("not here", { status: 404 })],
  ])("not from a sample that can't be loaded, %s", async (_, fetch) => {
    await page();
    vi.stubGlobal("fetch", fetch);
    await userEvent.click(screen.getByRole("button", { name: "A rocket" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("The sample can’t be loaded");
  });

  test("and is shown at once, or a sign where the browser can't show it", async () => {
    await page();
    choose(picture("scan.tif", "II*", "image/tiff"));
    fireEvent.error(screen.getByAltText("scan.tif"));
    expect(screen.getByText("This browser can’t show it; the server may still know it.")).toBeInTheDocument();
    await answer();
    expect(await topLabel()).toBeInTheDocument();
  });
});

describe("while it works", () => {
  test("a large upload is counted in per cent, then it is analyzing", async () => {
    await page();
    choose(picture());
    const request = await server.request();
    await act(() => request.progress(430_000, 1_000_000));
    expect(screen.getByText("Uploading 43 %")).toBeInTheDocument();
    expect(screen.getByText("430 kB of 1.0 MB")).toBeInTheDocument();
    expect(screen.getByRole("progressbar")).toHaveAttribute("aria-valuenow", "43");
    await act(() => request.uploaded());
    expect(screen.getByRole("heading", { name: "Analyzing" })).toBeInTheDocument();
    expect(screen.getByRole("progressbar")).not.toHaveAttribute("aria-valuenow");
  });

  test("a small one is not", async () => {
    await page();
    choose(picture());
    const request = await server.request();
    await act(() => request.progress(430, 1_000));
    expect(screen.getByRole("heading", { name: "Analyzing" })).toBeInTheDocument();
  });

  test("the request is ended by Cancel, and sent again by Try again", async () => {
    await page();
    choose(picture());
    const request = await server.request();
    await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
    expect(request.isAborted).toBe(true);
    expect(await screen.findByRole("heading", { name: "Cancelled" })).toBeInTheDocument();
    expect(screen.getByRole("region", { name: "Answer" })).toHaveFocus();
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    await answer();
    expect(await topLabel()).toBeInTheDocument();
  });

  test("a picture that waits for its turn can be cancelled as well", async () => {
    await page();
    choose(picture("one.jpg"), picture("two.jpg"));
    await userEvent.click(await screen.findByRole("button", { name: "Waiting" }));
    await userEvent.click(screen.getByRole("button", { name: "Cancel" }));
    expect(await screen.findByRole("heading", { name: "Cancelled" })).toBeInTheDocument();
    await answer();
    await settled();
    expect(server.waiting).toBe(0);
  });
});

describe("the answer", () => {
  async function answered() {
    await page();
    choose(picture("my cat.jpg"));
    await answer(200, PREDICTIONS, { "Server-Timing": TIMING });
    await topLabel();
  }

  test("is three labels in words, with per cent, and the server's time", async () => {
    await answered();
    const rows = within(screen.getByRole("region", { name: "Answer" })).getAllByRole("listitem");
    expect(rows.map((row) => row.textContent)).toEqual(["Egyptian cat79.8 %", "tabby11.8 %", "tiger cat4.4 %"]);
    expect(screen.getByTestId("server-time")).toHaveTextContent("11 ms on the server");
    expect(screen.getByText("queue 0.1 ms · decode 2.4 ms · resize 0.4 ms · inference 8.1 ms")).toBeInTheDocument();
  });

  test("can be copied, as JSON and as a command", async () => {
    const user = userEvent.setup();
    await answered();
    await user.click(screen.getByRole("button", { name: "Copy as JSON" }));
    expect(await screen.findByRole("button", { name: "Copied" })).toBeInTheDocument();
    expect(JSON.parse(await navigator.clipboard.readText())).toEqual(PREDICTIONS);
    await user.click(screen.getByRole("button", { name: "Copy as curl" }));
    await waitFor(async () => expect(await navigator.clipboard.readText()).toContain("--data-binary @'my cat.jpg'"));
  });

  test("is announced politely", async () => {
    await page();
    const status = screen.getByRole("status");
    expect(status).toBeEmptyDOMElement();
    choose(picture());
    const request = await server.request();
    expect(status).toHaveTextContent("Sending cat.jpg");
    await act(() => request.uploaded());
    expect(status).toHaveTextContent("Analyzing cat.jpg");
    await act(() => request.answer(200, PREDICTIONS));
    expect(status).toHaveTextContent("cat.jpg: Egyptian cat, 79.8 %; tabby, 11.8 %; tiger cat, 4.4 %");
    expect(status).toHaveAttribute("aria-live", "polite");
  });
});

describe("when it fails", () => {
  test("the server's message is shown as it is, announced, and can be retried", async () => {
    await page();
    choose(picture());
    const message = "The image is damaged or incomplete: send it again or save it anew";
    await answer(422, { message });
    expect(await screen.findByTestId("failure")).toHaveTextContent(message);
    expect(screen.getByRole("status")).toHaveTextContent(`This picture can't be analyzed. ${message}`);
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    await answer();
    expect(await topLabel()).toBeInTheDocument();
  });

  test("no connection has words of its own", async () => {
    await page();
    choose(picture());
    const request = await server.request();
    await act(() => request.break());
    expect(await screen.findByTestId("failure")).toHaveTextContent("No connection to the server");
  });

  test("a server that wants a key is given one", async () => {
    await page();
    choose(picture());
    const message = "An API key is required: send one as Authorization: Bearer, or as X-API-Key";
    await answer(401, { message });
    expect(await screen.findByTestId("failure")).toHaveTextContent(message);
    await userEvent.type(screen.getByLabelText("API key"), "my-key");
    await userEvent.click(screen.getByRole("button", { name: "Use this key" }));
    const request = await server.request();
    expect(request.requestHeaders.Authorization).toBe("Bearer my-key");
    await act(() => request.answer(200, PREDICTIONS));
    expect(await topLabel()).toBeInTheDocument();
    sessionStorage.clear();
  });

  test("a busy server is counted down to", async () => {
    await page();
    choose(picture());
    await answer(503, { message: "The server is busy: try again in a moment" }, { "Retry-After": "2" });
    const waits = "The server is busy: try again in a moment. Trying again in";
    expect(await screen.findByText(`${waits} 2 s`)).toBeInTheDocument();
    expect(await screen.findByText(`${waits} 1 s`)).toBeInTheDocument();
    await answer();
    expect(await topLabel()).toBeInTheDocument();
  });

  test("what is too large is not sent", async () => {
    await page();
    choose(picture("large.jpg", "x".repeat(1_100_000)));
    expect(await screen.findByTestId("failure")).toHaveTextContent(
      "The upload would be 1.1 MB, and the server takes 1.0 MB",
    );
    expect(server.waiting).toBe(0);
  });
});

describe("the page", () => {
  test("names the model", async () => {
    await page();
    expect(document.getElementById(PLACE)).toHaveTextContent(
      "Answered by MobileNetV2 (alpha 1.0, 224 x 224), Apache-2.0",
    );
  });

  test("works without knowing the model", async () => {
    vi.stubGlobal("fetch", async () => new Response("", { status: 500 }));
    render(<ImageUploader />);
    choose(picture());
    await answer();
    expect(await topLabel()).toBeInTheDocument();
    expect(document.getElementById(PLACE)).toBeEmptyDOMElement();
    vi.stubGlobal("fetch", async () => Response.json(MODEL));
    fireEvent.focus(window);
    await screen.findByText(/Answered by/);
  });

  test("shrinks large photographs unless it is told not to", async () => {
    const drawn = vi.spyOn(Studio.prototype, "draw");
    await page();
    const shrinks = screen.getByRole("switch", { name: "Shrink large photographs" });
    expect(shrinks).toBeChecked();
    choose(picture());
    await answer();
    expect(drawn).toHaveBeenLastCalledWith(expect.anything(), { shortSide: 896, thumbnail: true });
    await userEvent.click(shrinks);
    choose(picture());
    await answer();
    expect(drawn).toHaveBeenLastCalledWith(expect.anything(), { shortSide: undefined, thumbnail: true });
  });
});
