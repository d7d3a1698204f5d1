/** Translates a sentence. Returns it unchanged if no translation is known. */
export type Translate = (sentence: string) => string;

const PLACEHOLDER = /\{\{(\w+)\}\}/g;

/**
 * Translates sentences of the API.
 *
 * @param sentences maps the API's sentences to translations. `{{name}}` stands for what varies, in both.
 */
export function translator(sentences: Record<string, string>): Translate {
  const patterns = Object.entries(sentences).map(
    ([sentence, translation]) => [pattern(sentence), translation] as const,
  );
  return (sentence) => {
    for (const [expression, translation] of patterns) {
      const groups = expression.exec(sentence);
      if (groups) {
        return translation.replace(PLACEHOLDER, (_, name: string) => groups.groups?.[name] ?? "");
      }
    }
    return sentence;
  };
}

function pattern(sentence: string): RegExp {
  // At odd indices, split() returns the names.
  const parts = sentence.split(PLACEHOLDER);
  const escaped = parts.map((part, index) =>
    index % 2 ? `(?<${part}>.+)` : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
  );
  return new RegExp(`^${escaped.join("")}$`);
}
