import type { RefObject, TargetedEvent } from "preact";
import { useRef } from "preact/hooks";
import { useLanguage } from "../i18n/LanguageProvider.tsx";
import { takeChosen } from "../lib/files.ts";
import { useHasCamera } from "../lib/live/useHasCamera.ts";
import { ADD_PHOTO, CAMERA, Icon, VIDEO } from "./icons.tsx";

interface Props {
  /** The file input. Other components open its dialog too. */
  chooser: RefObject<HTMLInputElement | null>;
  /** The formats that the dialog offers, for the attribute `accept`. */
  accepted: string;
  onFiles: (files: File[]) => void;
  /** The button of the live view. It gets the focus when the view closes. */
  liveButton: RefObject<HTMLButtonElement | null>;
  isLive: boolean;
  onLive: () => void;
}

/** The buttons that open the file dialog, the live view and, on touch screens, the camera. */
export function SourceButtons({ chooser, accepted, onFiles, liveButton, isLive, onLive }: Props) {
  const { t } = useLanguage();
  const hasCamera = useHasCamera();
  const camera = useRef<HTMLInputElement>(null);
  const take = ({ currentTarget }: TargetedEvent<HTMLInputElement>) => onFiles(takeChosen(currentTarget));
  return (
    <div class="source-buttons">
      <button type="button" class="button button-strong button-large" onClick={() => chooser.current?.click()}>
        <Icon path={ADD_PHOTO} />
        {t("sources.choose")}
      </button>
      <button type="button" class="button button-large for-touch" onClick={() => camera.current?.click()}>
        <Icon path={CAMERA} />
        {t("sources.take")}
      </button>
      <button
        ref={liveButton}
        type="button"
        // It has its room from the start, so that it moves nothing when a camera is found.
        class={hasCamera || isLive ? "button button-large" : "button button-large button-absent"}
        aria-pressed={isLive}
        onClick={onLive}
      >
        <Icon path={VIDEO} />
        {t("sources.live")}
      </button>
      <input ref={chooser} type="file" hidden multiple accept={accepted} onChange={take} data-testid="chooser" />
      <input
        ref={camera}
        type="file"
        hidden
        accept="image/*"
        capture="environment"
        onChange={take}
        data-testid="camera"
      />
    </div>
  );
}
