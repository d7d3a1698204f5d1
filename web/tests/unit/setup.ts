import "@testing-library/jest-dom/vitest";
import { cleanup } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// jsdom shows no files.
URL.createObjectURL ??= vi.fn(() => "blob:picture");
URL.revokeObjectURL ??= vi.fn();

afterEach(cleanup);
