import { defaultRangeExtractor } from "@tanstack/virtual-core";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import { useColumns } from "../../lib/many/useColumns.ts";
import { useVirtualizer } from "../../lib/many/useVirtualizer.ts";
import type { Picture } from "../../lib/visit.ts";
import { Cell } from "./Cell.tsx";

/** The height of a row with its gap, in the root element's font size. `gallery.css` has the same. */
const ROW = 8.5;
/** Rows above and below those in sight that are there too. */
const BESIDE = 1;

interface Props {
  pictures: Picture[];
  selected: number | undefined;
  onSelect: (id: number) => void;
  /** Called with the pictures that are in sight, whenever others are. */
  onInSight: (pictures: Picture[]) => void;
}

/**
 * A grid of which only the rows in sight are in the document. The arrow keys move in it, as in ARIA's pattern of a grid:
 * https://www.w3.org/WAI/ARIA/apg/patterns/grid/
 */
export function Grid({ pictures, selected, onSelect, onInSight }: Props) {
  const { t } = useLanguage();
  const scroller = useRef<HTMLDivElement>(null);
  const { columns, em } = useColumns(scroller);
  const [currentId, setCurrentId] = useState<number>();
  const wantsFocus = useRef(false);
  const found = pictures.findIndex(({ id }) => id === (currentId ?? selected));
  const current = Math.max(0, found);
  const currentRow = Math.floor(current / columns);
  const virtualizer = useVirtualizer({
    count: Math.ceil(pictures.length / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW * em,
    overscan: BESIDE,
    // The row that the Tab key leads to stays in the document.
    rangeExtractor: (range) => [...new Set([...defaultRangeExtractor(range), currentRow])].sort((a, b) => a - b),
  });
  const rows = virtualizer.getVirtualItems();
  const cellsOf = (row: number) => pictures.slice(row * columns, (row + 1) * columns);

  const inSight = rows.flatMap(({ index }) => cellsOf(index));
  const ids = inSight.map(({ id }) => id).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the pictures are new objects after each answer
  useEffect(() => onInSight(inSight), [ids]);

  useLayoutEffect(() => {
    const cell = scroller.current?.querySelector<HTMLElement>('button[tabindex="0"]');
    if (wantsFocus.current && cell && Number(cell.dataset.id) === currentId) {
      wantsFocus.current = false;
      cell.focus({ preventScroll: true });
    }
  });

  const move = (event: KeyboardEvent) => {
    const target = destination(event, {
      current,
      columns,
      count: pictures.length,
      page: Math.max(1, rows.length - 2 * BESIDE),
    });
    const picture = target === undefined ? undefined : pictures[target];
    if (target === undefined || !picture) {
      return;
    }
    event.preventDefault();
    wantsFocus.current = true;
    setCurrentId(picture.id);
    virtualizer.scrollToIndex(Math.floor(target / columns));
  };

  return (
    <div ref={scroller} class="grid-scroller">
      {/* biome-ignore lint/a11y/useSemanticElements: a table can't leave out rows */}
      <div
        role="grid"
        class="grid"
        tabIndex={-1}
        aria-label={t("visit.heading")}
        aria-rowcount={Math.ceil(pictures.length / columns)}
        aria-colcount={columns}
        style={{ height: `${virtualizer.getTotalSize()}px` }}
        onKeyDown={move}
      >
        {rows.map(({ index: row, start }) => (
          // biome-ignore lint/a11y/useSemanticElements: as above
          // biome-ignore lint/a11y/useFocusableInteractive: its cells take the focus
          <div
            key={row}
            role="row"
            class="grid-row"
            aria-rowindex={row + 1}
            style={{ transform: `translateY(${start}px)`, gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))` }}
          >
            {cellsOf(row).map((picture, column) => (
              <Cell
                key={picture.id}
                picture={picture}
                column={column + 1}
                isSelected={picture.id === selected}
                isReached={row * columns + column === current}
                onSelect={() => {
                  setCurrentId(picture.id);
                  onSelect(picture.id);
                }}
              />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

interface Position {
  current: number;
  columns: number;
  count: number;
  /** The rows in sight. */
  page: number;
}

/** The index that a key leads to, within the grid. Undefined for other keys. */
function destination({ key, ctrlKey }: KeyboardEvent, { current, columns, count, page }: Position): number | undefined {
  const rowStart = current - (current % columns);
  const steps: Record<string, number> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: columns,
    ArrowUp: -columns,
    PageDown: columns * page,
    PageUp: -columns * page,
    Home: (ctrlKey ? 0 : rowStart) - current,
    End: (ctrlKey ? count : rowStart + columns) - 1 - current,
  };
  const step = steps[key];
  return step === undefined ? undefined : Math.min(count - 1, Math.max(0, current + step));
}
