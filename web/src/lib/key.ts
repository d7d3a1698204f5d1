/** The API key, where the server asks for one: kept until the tab is closed. */

const NAME = "glimpse-api-key";

export function readKey(): string | undefined {
  try {
    return sessionStorage.getItem(NAME) ?? undefined;
  } catch {
    // Some browsers keep nothing for anybody.
    return undefined;
  }
}

export function keepKey(key: string): void {
  try {
    sessionStorage.setItem(NAME, key);
  } catch {
    // It is asked for again.
  }
}
