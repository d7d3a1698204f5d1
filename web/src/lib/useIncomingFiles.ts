import { useEffect, useEffectEvent, useState } from "react";
import { filesOf, hasFiles } from "./files.ts";

/**
 * Takes files that are dropped anywhere on the page or pasted into it.
 *
 * @returns whether files are being dragged over the page.
 */
export function useIncomingFiles(onFiles: (files: File[]) => void): boolean {
  const [isOver, setIsOver] = useState(false);
  const take = useEffectEvent(onFiles);

  useEffect(() => {
    // Enter and leave come for every element on the way: only the outermost pair counts.
    let depth = 0;
    const settle = (entered: number) => {
      depth = entered;
      setIsOver(depth > 0);
    };
    const enter = (event: DragEvent) => hasFiles(event.dataTransfer) && settle(depth + 1);
    const leave = (event: DragEvent) => hasFiles(event.dataTransfer) && settle(Math.max(0, depth - 1));
    const over = (event: DragEvent) => {
      if (hasFiles(event.dataTransfer)) {
        // Without this the browser opens the file in place of the page.
        event.preventDefault();
      }
    };
    const drop = (event: DragEvent) => {
      over(event);
      settle(0);
      give(filesOf(event.dataTransfer));
    };
    const paste = (event: ClipboardEvent) => give(filesOf(event.clipboardData));
    const give = (files: File[]) => files.length > 0 && take(files);

    const listeners = { dragenter: enter, dragleave: leave, dragover: over, drop, paste };
    const entries = Object.entries(listeners) as [string, EventListener][];
    for (const [type, listener] of entries) {
      document.addEventListener(type, listener);
    }
    return () => {
      for (const [type, listener] of entries) {
        document.removeEventListener(type, listener);
      }
    };
  }, []);
  return isOver;
}
