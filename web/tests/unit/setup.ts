import "@testing-library/jest-dom/vitest";
import { cleanup } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// jsdom shows no files and does not scroll.
URL.createObjectURL ??= vi.fn(() => "blob:picture");
Element.prototype.scrollIntoView ??= vi.fn();

afterEach(cleanup);
