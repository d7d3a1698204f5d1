/** Dropped folders. */

import { filesOf, isPicture } from "./files.ts";
import { MOST_PICTURES } from "./visit.ts";

/** The most files of a drop. One more than can be taken tells that there are too many. */
const MOST = MOST_PICTURES + 1;

/**
 * The files of a drop, and the pictures in its folders and their folders, sorted by their paths. Folders that can't be read
 * are left out.
 *
 * Must be called while the event of the drop is handled: the browser empties `transfer` afterwards.
 */
export function droppedFiles(transfer: DataTransfer | null): Promise<File[]> {
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.());
  const files = filesOf(transfer);
  return entries.some((entry) => entry?.isDirectory)
    ? walk(entries.filter((entry) => entry != null))
    : Promise.resolve(files);
}

async function walk(entries: FileSystemEntry[]): Promise<File[]> {
  const found: File[] = [];
  const visit = async (entry: FileSystemEntry, isDropped: boolean): Promise<void> => {
    if (found.length >= MOST) {
      return;
    }
    if (isFolder(entry)) {
      const inside = await entriesOf(entry);
      for (const child of inside.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))) {
        await visit(child, false);
      }
      return;
    }
    const file = await fileOf(entry as FileSystemFileEntry);
    if (file && (isDropped || isPicture(file))) {
      found.push(file);
    }
  };
  for (const entry of entries) {
    await visit(entry, true);
  }
  return found;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** Everything in a folder. The browser gives it in parts, the last of which is empty. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const part = () => new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
  const all: FileSystemEntry[] = [];
  for (let entries = await part(); entries.length > 0 && all.length < MOST; entries = await part()) {
    all.push(...entries);
  }
  return all;
}

function fileOf(entry: FileSystemFileEntry): Promise<File | undefined> {
  const withPath = (file: File) =>
    // As the browser does where a folder is chosen in a dialog.
    Object.defineProperty(file, "webkitRelativePath", { value: entry.fullPath.replace(/^\//, "") });
  return new Promise((resolve) =>
    entry.file(
      (file) => resolve(withPath(file)),
      () => resolve(undefined),
    ),
  );
}
