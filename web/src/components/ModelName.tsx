import { useEffect, useState } from "react";
import { createPortal } from "react-dom";
import type { Model } from "../lib/api.ts";
import { described } from "../lib/model.ts";

/** The id of the footer's element for the model's name. */
export const PLACE = "model-name";

/** Shows the served model in the page's footer. */
export function ModelName({ model }: { model: Model | undefined }) {
  const [place, setPlace] = useState<HTMLElement | null>(null);
  useEffect(() => setPlace(document.getElementById(PLACE)), []);
  if (!place || !model) {
    return null;
  }
  return createPortal(<>Answered by {described(model)}</>, place);
}
