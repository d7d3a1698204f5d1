import { useEffect, useState } from "preact/hooks";

/**
 * Whether to offer a live view: where there is a camera, and where the browser hides cameras because the page is not secure,
 * which the live view then explains. False until it is known.
 */
export function useHasCamera(): boolean {
  const [isThere, setIsThere] = useState(false);
  useEffect(() => {
    const { mediaDevices } = navigator;
    if (!mediaDevices) {
      setIsThere(window.isSecureContext === false);
      return;
    }
    const look = () =>
      mediaDevices.enumerateDevices().then(
        (devices) => setIsThere(devices.some(({ kind }) => kind === "videoinput")),
        () => setIsThere(false),
      );
    look();
    mediaDevices.addEventListener("devicechange", look);
    return () => mediaDevices.removeEventListener("devicechange", look);
  }, []);
  return isThere;
}
