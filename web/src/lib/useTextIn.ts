import { useEffect } from "preact/hooks";

/** Shows a text in the element of this id, which is outside of the island. */
export function useTextIn(id: string, text: string | undefined): void {
  useEffect(() => {
    const place = document.getElementById(id);
    if (place) {
      place.textContent = text ?? "";
    }
  }, [id, text]);
}
