import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

/** The least width of a cell with its gap, in the root element's font size. */
const CELL = 6.75;

/** The number of columns that an element has room for. */
export function useColumns(element: RefObject<HTMLElement | null>): number {
  const [columns, setColumns] = useState(1);
  useLayoutEffect(() => {
    const measure = () => {
      const em = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
      setColumns(Math.max(1, Math.floor((element.current?.clientWidth ?? 0) / (CELL * em))));
    };
    measure();
    const observer = new ResizeObserver(measure);
    if (element.current) {
      observer.observe(element.current);
    }
    return () => observer.disconnect();
  }, [element]);
  return columns;
}
