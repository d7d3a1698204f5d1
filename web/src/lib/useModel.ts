import { useEffect, useState } from "react";
import { describeModel, type Model } from "./api.ts";

/** Which model answers; nothing until the server has said so. It is asked again whenever it may be back. */
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
