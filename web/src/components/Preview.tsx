import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useLanguage } from "../i18n/LanguageProvider.tsx";
import type { Size } from "../lib/activation.ts";
import { Icon, IMAGE } from "./icons.tsx";
import "./preview.css";

interface Props {
  url: string;
  name: string;
  /** What lies over the picture, once its size is known. */
  over: (size: Size) => ComponentChildren;
}

/** A picture, or an icon for a format that the server decodes and the browser does not. */
export function Preview({ url, name, over }: Props) {
  const { t } = useLanguage();
  const [isShown, setIsShown] = useState(true);
  const [size, setSize] = useState<Size>();
  if (!isShown) {
    return (
      <div class="preview-missing">
        <Icon path={IMAGE} class="icon-huge quiet" />
        <p class="preview-name">{name}</p>
        <p class="quiet">{t("viewfinder.unknown")}</p>
      </div>
    );
  }
  return (
    <>
      <img src={url} alt="" class="preview preview-cover backdrop" />
      <img
        src={url}
        alt={name}
        onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) => setSize({ width, height })}
        onError={() => setIsShown(false)}
        class="preview preview-contain"
      />
      {size && over(size)}
    </>
  );
}
