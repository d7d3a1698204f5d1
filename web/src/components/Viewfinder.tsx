import { useLayoutEffect, useRef } from "preact/hooks";
import { useLanguage } from "../i18n/LanguageProvider.tsx";
import { urlOf } from "../lib/objectUrls.ts";
import { type Look, predictionsOf } from "../lib/useLook.ts";
import { isUnderWay, type Picture } from "../lib/visit.ts";
import { ADD_PHOTO, Icon } from "./icons.tsx";
import { Preview } from "./Preview.tsx";
import { WhereMaps } from "./WhereMaps.tsx";
import "./viewfinder.css";

interface Props {
  picture: Picture | undefined;
  look: Look;
  onChoose: () => void;
}

/** The selected picture in a viewfinder frame, or a drop zone before the first picture. */
export function Viewfinder({ picture, look, onChoose }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const id = picture?.id;
  useLayoutEffect(() => {
    if (id === undefined) {
      return;
    }
    // On a narrow screen the picture may be far above the clicked element.
    frame.current?.scrollIntoView({ block: "nearest" });
    if (document.activeElement === document.body) {
      // The drop zone, which this picture replaces, had the focus.
      frame.current?.focus({ preventScroll: true });
    }
  }, [id]);
  if (!picture) {
    return (
      <button type="button" class="viewfinder viewfinder-empty" onClick={onChoose}>
        <Corners />
        <Invitation />
      </button>
    );
  }
  return (
    <div ref={frame} tabIndex={-1} class={isUnderWay(picture) ? "viewfinder viewfinder-working" : "viewfinder"}>
      <Preview
        key={picture.id}
        url={urlOf(picture.file)}
        name={picture.file.name}
        over={(size) => <WhereMaps predictions={predictionsOf(picture)} look={look} size={size} />}
      />
      <Corners />
    </div>
  );
}

/** The corners of the frame. */
export function Corners() {
  return (
    <>
      {["tl", "tr", "bl", "br"].map((corner) => (
        <span key={corner} class={`corner corner-${corner}`} />
      ))}
    </>
  );
}

function Invitation() {
  const { t } = useLanguage();
  return (
    <span class="invitation">
      <Icon path={ADD_PHOTO} class="icon-huge" />
      <span class="invitation-first">
        <span class="for-mouse">{t("viewfinder.drop")}</span>
        <span class="for-touch">{t("viewfinder.tap")}</span>
      </span>
      <span class="quiet for-mouse">{t("viewfinder.otherWays")}</span>
    </span>
  );
}
