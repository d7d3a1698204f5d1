import "@testing-library/jest-dom/vitest";
import { cleanup } from "@testing-library/preact";
import { afterEach, vi } from "vitest";

// jsdom has neither object URLs nor scrolling.
URL.createObjectURL ??= vi.fn(() => "blob:picture");
Element.prototype.scrollIntoView ??= vi.fn();

afterEach(cleanup);
