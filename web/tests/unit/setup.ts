import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/preact";
import { afterEach, vi } from "vitest";

// jsdom has neither object URLs nor scrolling nor sizes.
URL.createObjectURL ??= vi.fn(() => "blob:picture");
URL.revokeObjectURL ??= vi.fn();
Element.prototype.scrollTo ??= vi.fn();
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
Object.defineProperties(HTMLElement.prototype, {
  clientWidth: { value: 800 },
  clientHeight: { value: 600 },
});
Element.prototype.scrollIntoView ??= vi.fn();

// A second, the default, is too short on a busy machine.
configure({ asyncUtilTimeout: 10_000 });

afterEach(cleanup);
