import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";
import type { Language } from "./language.ts";

const Context = createContext<Language | undefined>(undefined);

interface Props {
  language: Language;
  children: ComponentChildren;
}

/** Gives the components inside a language, and loads its names of labels. */
export function LanguageProvider({ language, children }: Props) {
  const [labels, setLabels] = useState(language.labels);
  const { labelsUrl } = language;
  useEffect(() => {
    if (labelsUrl) {
      // Without the file, labels are shown as they are.
      loadLabels(labelsUrl).then(setLabels, () => undefined);
    }
  }, [labelsUrl]);
  const value = useMemo(() => ({ ...language, labels }), [language, labels]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

async function loadLabels(url: string): Promise<Language["labels"]> {
  const response = await fetch(url, { priority: "low" });
  if (!response.ok) {
    throw new Error(`the labels are not there: ${response.status}`);
  }
  return new Map(Object.entries((await response.json()) as Record<string, string>));
}

/** The language of the page. */
export function useLanguage(): Language {
  const language = useContext(Context);
  if (!language) {
    throw new Error("there is no LanguageProvider around this component");
  }
  return language;
}
