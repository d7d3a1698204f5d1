import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

/**
 * Keeps the focus in an element whose content is replaced. If the focused button disappears, the element gets the focus,
 * so that keyboard users continue from there.
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

  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of the content removes the focused button
  useLayoutEffect(() => {
    const isLost = document.activeElement === document.body && held.current?.isConnected === false;
    if (isLost) {
      element.current?.focus({ preventScroll: true });
    }
  }, [content]);
  return element;
}
