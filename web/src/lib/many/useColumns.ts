import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

/** The least width of a cell with its gap, in the root element's font size. */
const CELL = 6.75;

export interface Room {
  /** The number of columns that there is room for. */
  columns: number;
  /** The root element's font size, in pixels. */
  em: number;
}

/** The room that an element has for cells. */
export function useColumns(element: RefObject<HTMLElement | null>): Room {
  const [room, setRoom] = useState<Room>({ columns: 1, em: 16 });
  useLayoutEffect(() => {
    const measure = () => {
      const em = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
      const columns = Math.max(1, Math.floor((element.current?.clientWidth ?? 0) / (CELL * em)));
      setRoom((room) => (room.columns === columns && room.em === em ? room : { columns, em }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    if (element.current) {
      observer.observe(element.current);
    }
    return () => observer.disconnect();
  }, [element]);
  return room;
}
