/** Object URLs of files. A file gets one when it is first shown, because a thousand at once would take a while. */

const urls = new Map<File, string>();

/** The URL of a file, valid while the page is open or until the file is forgotten. */
export function urlOf(file: File): string {
  const known = urls.get(file);
  if (known) {
    return known;
  }
  const url = URL.createObjectURL(file);
  urls.set(file, url);
  return url;
}

export function forget(file: File) {
  const url = urls.get(file);
  if (url) {
    URL.revokeObjectURL(url);
    urls.delete(file);
  }
}
