import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import type { Failure } from "../../lib/failure.ts";
import type { LivePhase } from "../../lib/live/view.ts";
import { useFocusKeeper } from "../../lib/useFocusKeeper.ts";
import { CLOSE, Icon, VIDEO_OFF } from "../icons.tsx";
import { Corners } from "../Viewfinder.tsx";
import "./live.css";

interface Props {
  phase: LivePhase["name"] | "opening";
  /** The video. */
  frame?: ComponentChildren;
  /** The buttons before Close. */
  controls?: ComponentChildren;
  /** What screen readers announce: a failure, or a text. */
  spoken?: Failure | string | undefined;
  /** The content of the panel. */
  children: ComponentChildren;
  onClose: () => void;
}

/** The places of a live view: the frame, its buttons, and the panel. The frame gets the focus when it opens. */
export function LiveStage({ phase, frame, controls, spoken, children, onClose }: Props) {
  const language = useLanguage();
  const { t } = language;
  const view = useRef<HTMLElement>(null);
  const panel = useFocusKeeper(phase);
  useLayoutEffect(() => {
    view.current?.scrollIntoView({ block: "nearest" });
    view.current?.focus({ preventScroll: true });
  }, []);
  const isWorking = phase === "opening" || phase === "starting";
  return (
    <>
      <div class="view live-view">
        <section
          ref={view}
          tabIndex={-1}
          aria-label={t("live.region")}
          class={isWorking ? "viewfinder viewfinder-working live-frame" : "viewfinder live-frame"}
        >
          {frame}
          {phase === "failed" && <Icon path={VIDEO_OFF} class="icon-huge" />}
          <Corners />
        </section>
        <div class="live-controls">
          {controls}
          <button type="button" class="button live-close" onClick={onClose}>
            <Icon path={CLOSE} />
            {t("live.close")}
          </button>
        </div>
      </div>
      <section
        ref={panel}
        tabIndex={-1}
        class="panel live-panel"
        aria-label={t("answer.region")}
        data-testid="live"
        data-phase={phase}
      >
        {children}
      </section>
      <div class="unseen" aria-live="polite" data-testid="live-spoken">
        {typeof spoken === "object" ? t("spoken.failed", { ...spoken.tell(language) }) : spoken}
      </div>
    </>
  );
}
