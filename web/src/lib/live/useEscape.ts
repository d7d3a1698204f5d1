import { useEffect } from "preact/hooks";
import { useEvent } from "../useEvent.ts";

/** Calls back when Escape is pressed anywhere on the page, but not to end the input of a character. */
export function useEscape(onEscape: () => void): void {
  const call = useEvent(onEscape);
  useEffect(() => {
    const follow = ({ key, isComposing }: KeyboardEvent) => key === "Escape" && !isComposing && call();
    document.addEventListener("keydown", follow);
    return () => document.removeEventListener("keydown", follow);
  }, [call]);
}
