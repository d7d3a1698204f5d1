import { useEffect, useState } from "react";
import { describeModel, type Model } from "./api.ts";

/** The served model, or undefined until the server has answered. Asks again whenever the server may be reachable again. */
export function useModel(): Model | undefined {
  const [model, setModel] = useState<Model>();
  const isKnown = model !== undefined;
  useEffect(() => {
    if (isKnown) {
      return;
    }
    const controller = new AbortController();
    const ask = () => describeModel(controller.signal).then(setModel, () => undefined);
    ask();
    const events = ["focus", "online"];
    for (const event of events) {
      window.addEventListener(event, ask);
    }
    return () => {
      controller.abort();
      for (const event of events) {
        window.removeEventListener(event, ask);
      }
    };
  }, [isKnown]);
  return model;
}
