import { useEffect } from "preact/hooks";
import { SHARED } from "./shareTarget.ts";
import { useEvent } from "./useEvent.ts";

/** Installs the service worker once the page is loaded, and takes the files that it has from a phone's share menu. */
export function useServiceWorker(onFiles: (files: File[]) => void): void {
  const take = useEvent(onFiles);
  useEffect(() => {
    // Missing where the connection is not secure.
    const workers: ServiceWorkerContainer | undefined = navigator.serviceWorker;
    if (!workers) {
      return;
    }
    askForShared(workers).then((files) => files.length > 0 && take(files));
    // The development server has none. Without it, the page works as before.
    const install = () => import.meta.env.PROD && workers.register("./sw.js").catch(() => undefined);
    if (document.readyState === "complete") {
      install();
    } else {
      window.addEventListener("load", install, { once: true });
    }
    return () => window.removeEventListener("load", install);
  }, [take]);
}

/** The files that the URL of the page names. The URL loses them, because they can be taken once. */
function askForShared({ controller }: ServiceWorkerContainer): Promise<File[]> {
  const url = new URL(location.href);
  const id = url.searchParams.get(SHARED);
  if (id === null) {
    return Promise.resolve([]);
  }
  url.searchParams.delete(SHARED);
  history.replaceState(history.state, "", url);
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      resolve(data);
      port1.close();
    };
    controller?.postMessage(id, [port2]);
  });
}
