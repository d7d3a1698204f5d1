/** Stores the API key, if the server requires one, until the tab is closed. */

const NAME = "glimpse-api-key";

export function readKey(): string | undefined {
  try {
    return sessionStorage.getItem(NAME) ?? undefined;
  } catch {
    // Some privacy settings disable session storage.
    return undefined;
  }
}

export function keepKey(key: string): void {
  try {
    sessionStorage.setItem(NAME, key);
  } catch {
    // The page asks for the key again.
  }
}
