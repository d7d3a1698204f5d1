import Button from "@mui/material/Button";
import type { FormEvent } from "react";
import { keepKey } from "../lib/key.ts";

/** Asks for the API key that the server requires. */
export function KeyForm({ onKey }: { onKey: () => void }) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    keepKey(String(new FormData(event.currentTarget).get("key") ?? "").trim());
    onKey();
  };
  return (
    <form className="key-form" onSubmit={submit}>
      <label htmlFor="key">API key</label>
      <input id="key" name="key" type="password" autoComplete="current-password" required />
      <Button variant="contained" type="submit">
        Use this key
      </Button>
    </form>
  );
}
