/** The Chinese page: what it says, and what it shows of the API's words. */

import { fireEvent, render, screen, waitFor, within } from "@testing-library/preact";
import { userEvent } from "@testing-library/user-event";
import { beforeEach, describe, expect, test, vi } from "vitest";
import ImageUploaderZh from "../../src/components/ImageUploaderZh.tsx";
import { PLACE } from "../../src/components/ModelName.tsx";
import { MODEL } from "../models.ts";
import { act } from "./act.ts";
import { fakeServer, PREDICTIONS, picture, TIMING } from "./server.ts";

const LABELS = { Egyptian_cat: "埃及猫", tabby: "虎斑猫" };

let server: ReturnType<typeof fakeServer>;
/** The answer to the request for the names of labels. */
let labels: () => Promise<Response>;

beforeEach(() => {
  server = fakeServer();
  labels = async () => Response.json(LABELS);
  const fetch = async (url: string) => (url.endsWith("/model") ? Response.json(MODEL) : labels());
  vi.stubGlobal("fetch", vi.fn(fetch));
  document.body.innerHTML = `<footer id="${PLACE}"></footer>`;
});

async function page() {
  render(<ImageUploaderZh />);
  await screen.findByText(/^识别模型/);
}

async function answer(status = 200, body: unknown = PREDICTIONS, headers: Record<string, string> = {}) {
  fireEvent.change(screen.getByTestId("chooser"), { target: { files: [picture("我的猫.jpg")] } });
  const request = await server.request();
  await act(() => request.answer(status, body, headers));
}

function rows() {
  return within(screen.getByRole("region", { name: "识别结果" })).getAllByRole("listitem");
}

describe("the page", () => {
  test("is in Chinese", async () => {
    await page();
    expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("照片里是什么？");
    expect(screen.getByRole("button", { name: "选择照片" })).toBeInTheDocument();
    expect(screen.getByRole("switch", { name: "缩小大照片" })).toBeChecked();
    expect(document.getElementById(PLACE)).toHaveTextContent(
      "识别模型：MobileNetV2（alpha 1.0, 224 x 224），Apache-2.0 许可，从 1000 个标签中给出最可能的三个",
    );
    expect(document.body.textContent).not.toMatch(/[a-z]+\.[a-zA-Z]+ |\{\{/);
  });
});

describe("an answer", () => {
  test("has Chinese labels beside those of the API, where there are some", async () => {
    await page();
    await answer(200, PREDICTIONS, { "Server-Timing": TIMING });
    expect(await screen.findByTestId("top-label")).toHaveTextContent(/^埃及猫$/);
    expect(rows().map((row) => row.textContent)).toEqual([
      "埃及猫 Egyptian cat79.8%",
      "虎斑猫 tabby11.8%",
      "tiger cat4.4%",
    ]);
    expect(within(rows()[0] as HTMLElement).getByText("Egyptian cat")).toHaveAttribute("lang", "en");
    expect(screen.getByText("排队 0.1 毫秒 · 解码 2.4 毫秒 · 缩放 0.4 毫秒 · 推理 8.1 毫秒")).toBeInTheDocument();
    expect(screen.getByRole("status")).toHaveTextContent("我的猫.jpg：埃及猫，79.8%；虎斑猫，11.8%；tiger cat，4.4%");
  });

  test("is copied with the labels of the API", async () => {
    const user = userEvent.setup();
    await page();
    await answer();
    await user.click(screen.getByRole("button", { name: "复制 JSON" }));
    expect(await screen.findByRole("button", { name: "已复制" })).toBeInTheDocument();
    expect(JSON.parse(await navigator.clipboard.readText())).toEqual(PREDICTIONS);
  });

  test("has the labels of the API where the Chinese ones can't be loaded, or come later", async () => {
    let load: (response: Response) => void = () => undefined;
    labels = () => new Promise((resolve) => (load = resolve));
    await page();
    await answer(200, [...PREDICTIONS, { label: "constructor", confidence: 0 }]);
    expect(rows().map((row) => row.textContent)).toEqual([
      "Egyptian cat79.8%",
      "tabby11.8%",
      "tiger cat4.4%",
      "constructor0.0%",
    ]);
    load(Response.json(LABELS));
    await waitFor(() => expect(rows()[0]).toHaveTextContent("埃及猫 Egyptian cat79.8%"));
    expect(rows()[3]).toHaveTextContent("constructor0.0%");
  });
});

describe("a failure", () => {
  test.each([
    [
      422,
      "The image is damaged or incomplete: send it again or save it anew",
      "图片已损坏或不完整，请重新发送或另存后再试",
    ],
    [
      413,
      "The request body is larger than 50000 bytes: send a smaller picture",
      "上传内容超过 50000 字节，请换一张较小的照片",
    ],
    [400, "Words of another server", "Words of another server"],
  ])("%i is told in Chinese where that is known: %s", async (status, message, told) => {
    await page();
    await answer(status, { message });
    expect(await screen.findByTestId("failure")).toHaveTextContent(told);
  });

  test("without words of the server is told by its status", async () => {
    await page();
    await answer(502, "");
    expect(await screen.findByTestId("failure")).toHaveTextContent(
      "服务器出错了服务器返回了状态码 502，没有说明原因。",
    );
    expect(screen.getByRole("button", { name: "重试" })).toBeInTheDocument();
  });

  test("that passes is counted down", async () => {
    await page();
    await answer(503, { message: "The server is busy: try again in a moment" }, { "Retry-After": "2" });
    expect(await screen.findByText("服务器正忙，请稍后再试。2 秒后重试")).toBeInTheDocument();
  });
});
