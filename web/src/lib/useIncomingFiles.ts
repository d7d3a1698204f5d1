import { useEffect, useState } from "preact/hooks";
import { filesOf, hasFiles } from "./files.ts";
import { droppedFiles } from "./folders.ts";
import { useEvent } from "./useEvent.ts";

/**
 * Takes files and folders that are dropped anywhere on the page, and files that are pasted into it.
 *
 * @returns whether files are being dragged over the page.
 */
export function useIncomingFiles(onFiles: (files: File[]) => void): boolean {
  const [isOver, setIsOver] = useState(false);
  const take = useEvent(onFiles);

  useEffect(() => {
    // Enter and leave fire for every element that is crossed, and leave does not fire for a removed element.
    const under = new Set<Node>();
    const settle = () => {
      for (const element of under) {
        if (!element.isConnected) {
          under.delete(element);
        }
      }
      setIsOver(under.size > 0);
    };
    const enter = ({ target, dataTransfer }: DragEvent) => {
      if (hasFiles(dataTransfer) && target instanceof Node) {
        under.add(target);
        settle();
      }
    };
    const leave = ({ target }: DragEvent) => {
      under.delete(target as Node);
      settle();
    };
    const over = (event: DragEvent) => {
      if (hasFiles(event.dataTransfer)) {
        // Without this the browser opens the file in place of the page.
        event.preventDefault();
        settle();
      }
    };
    const drop = (event: DragEvent) => {
      over(event);
      under.clear();
      settle();
      droppedFiles(event.dataTransfer).then(give);
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
  }, [take]);
  return isOver;
}
