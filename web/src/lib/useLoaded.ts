import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** A component that is loaded once it is needed. Undefined until it is there, null if it can't be loaded. */
export function useLoaded<Props>(
  isNeeded: boolean,
  load: () => Promise<{ default: ComponentType<Props> }>,
): ComponentType<Props> | undefined | null {
  const [loaded, setLoaded] = useState<{ component: ComponentType<Props> | null }>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is loaded never changes
  useEffect(() => {
    if (isNeeded && !loaded?.component) {
      load().then(
        ({ default: component }) => setLoaded({ component }),
        () => setLoaded({ component: null }),
      );
    }
  }, [isNeeded]);
  return loaded?.component;
}
