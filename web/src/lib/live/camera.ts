/** Opens a camera, and explains why one can't be opened. */

import { type Failure, failures } from "../failure.ts";

/** The preferred size of the video, in pixels. A browser takes the nearest that the camera has. */
const SIZE = { width: { ideal: 1920 }, height: { ideal: 1440 } };

/**
 * Opens a camera. On abort, its tracks are stopped at once, or as soon as the browser hands them out.
 *
 * @param deviceId of the camera. Without it, the browser chooses, and prefers a camera that faces away from the user.
 * @throws {Failure} if there is no camera to open. On abort, throws the signal's reason.
 */
export async function openCamera(deviceId: string | undefined, signal: AbortSignal): Promise<MediaStream> {
  const { mediaDevices } = navigator;
  if (!mediaDevices) {
    throw window.isSecureContext ? failures.cameraFailed() : failures.insecure();
  }
  const which = deviceId === undefined ? { facingMode: { ideal: "environment" } } : { deviceId: { exact: deviceId } };
  let stream: MediaStream;
  try {
    stream = await mediaDevices.getUserMedia({ audio: false, video: { ...SIZE, ...which } });
  } catch (error) {
    throw cameraFailure(error);
  }
  const stop = () => {
    for (const track of stream.getTracks()) {
      track.stop();
    }
  };
  if (signal.aborted) {
    stop();
    throw signal.reason;
  }
  signal.addEventListener("abort", stop, { once: true });
  return stream;
}

/** The failure for an error of `getUserMedia`, by its name (W3C Media Capture and Streams, section 10.2). */
export function cameraFailure(error: unknown): Failure {
  switch ((error as Partial<Error> | null)?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return failures.denied();
    case "NotFoundError":
    case "OverconstrainedError":
      return failures.noCamera();
    case "NotReadableError":
      return failures.inUse();
    default:
      return failures.cameraFailed();
  }
}

/** The ids of all cameras. Browsers tell them once the user has allowed one. */
export async function cameraIds(): Promise<string[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "videoinput").map(({ deviceId }) => deviceId);
}

/** The camera after the current one, in turn. Undefined if there is no other. */
export function nextCamera(ids: string[], current: string | undefined): string | undefined {
  return ids.length > 1 ? ids[(ids.indexOf(current ?? "") + 1) % ids.length] : undefined;
}
