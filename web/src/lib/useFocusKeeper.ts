import { type RefObject, useEffect, useRef } from "react";

/**
 * Keeps the focus in an element whose content is replaced: where the button that had it is gone, the element itself
 * has it, and whoever goes by keyboard goes on from there.
 *
 * @param content changes whenever the content does.
 */
export function useFocusKeeper(content: unknown): RefObject<HTMLElement | null> {
  const element = useRef<HTMLElement>(null);
  const held = useRef<Element>(null);

  useEffect(() => {
    const note = ({ target }: FocusEvent) => {
      const isInside = target instanceof Element && element.current?.contains(target);
      held.current = isInside ? target : null;
    };
    document.addEventListener("focusin", note);
    return () => document.removeEventListener("focusin", note);
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: it is a change of the content that takes the focus away
  useEffect(() => {
    const isLost = document.activeElement === document.body && held.current?.isConnected === false;
    if (isLost) {
      element.current?.focus({ preventScroll: true });
    }
  }, [content]);
  return element;
}
