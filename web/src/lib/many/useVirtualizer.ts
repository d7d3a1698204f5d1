import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from "@tanstack/virtual-core";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

type Options = VirtualizerOptions<HTMLDivElement, HTMLDivElement>;
type Given = "observeElementRect" | "observeElementOffset" | "scrollToFn" | "onChange";

/** Tells which rows of a scrolling list are in sight. As TanStack's own hook for React. */
export function useVirtualizer(options: Omit<Options, Given>): Virtualizer<HTMLDivElement, HTMLDivElement> {
  const [, render] = useReducer((count: number) => count + 1, 0);
  const all: Options = {
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    ...options,
    onChange: () => render(undefined),
  };
  const [virtualizer] = useState(() => new Virtualizer(all));
  virtualizer.setOptions(all);
  const size = options.estimateSize(0);
  // The sizes are kept until this is called.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another size changes all
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, size]);
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => virtualizer._willUpdate());
  return virtualizer;
}
