import { useEffect, useState } from "react";
import { describeModel, type Model } from "./api.ts";

/** Which model answers; nothing until the server has said so, or where it does not. */
export function useModel(): Model | undefined {
  const [model, setModel] = useState<Model>();
  useEffect(() => {
    const controller = new AbortController();
    describeModel(controller.signal).then(setModel, () => undefined);
    return () => controller.abort();
  }, []);
  return model;
}
