import type { RefObject, TargetedEvent } from "preact";
import { useRef } from "preact/hooks";
import { useLanguage } from "../i18n/LanguageProvider.tsx";
import { ADD_PHOTO, CAMERA, Icon } from "./icons.tsx";

interface Props {
  /** The file input. Other components open its dialog too. */
  chooser: RefObject<HTMLInputElement | null>;
  /** The formats that the dialog offers, for the attribute `accept`. */
  accepted: string;
  onFiles: (files: File[]) => void;
}

/** The buttons that open the file dialog and, on touch screens, the camera. */
export function SourceButtons({ chooser, accepted, onFiles }: Props) {
  const { t } = useLanguage();
  const camera = useRef<HTMLInputElement>(null);
  const take = ({ currentTarget }: TargetedEvent<HTMLInputElement>) => {
    onFiles([...(currentTarget.files ?? [])]);
    // Without this, choosing the same file again fires no event.
    currentTarget.value = "";
  };
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
