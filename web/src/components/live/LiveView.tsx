import { useEffect, useState } from "preact/hooks";
import { useLanguage } from "../../i18n/LanguageProvider.tsx";
import type { Language } from "../../i18n/language.ts";
import { heading } from "../../lib/labels.ts";
import { fullFrame } from "../../lib/live/frames.ts";
import { useLive } from "../../lib/live/useLive.ts";
import { useSpoken } from "../../lib/live/useSpoken.ts";
import type { View } from "../../lib/live/view.ts";
import { FailureCard } from "../FailureCard.tsx";
import { CAMERA, CHECK, Icon, SWITCH_CAMERA } from "../icons.tsx";
import type { LiveProps } from "./Live.tsx";
import { LiveAnswer } from "./LiveAnswer.tsx";
import { LiveStage } from "./LiveStage.tsx";

/** How long the shutter shows that it has kept a frame, in milliseconds. */
const SAID_FOR = 2_000;

/** The video of a camera, and the labels of its frames. */
export function LiveView({ model, onAnswer, onPicture, onClose }: LiveProps) {
  const language = useLanguage();
  const { t } = language;
  const { view, places, video, retry, turnTo } = useLive(model, onAnswer);
  const { phase, other } = view;
  /** The last frame that was kept, in an object of its own for each. */
  const [kept, setKept] = useState<{ name: string; count: number }>();
  const [isSaid, setIsSaid] = useState(false);
  const isOn = phase.name === "running" || phase.name === "busy";
  const label = useSpoken(spokenLabel(view, language));

  useEffect(() => {
    if (kept) {
      setIsSaid(true);
      const timer = setTimeout(() => setIsSaid(false), SAID_FOR);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [kept]);

  const keep = async () => {
    if (video.current) {
      const file = await fullFrame(video.current);
      setKept((before) => ({ name: file.name, count: (before?.count ?? 0) + 1 }));
      onPicture([file]);
    }
  };

  return (
    <>
      <LiveStage
        phase={phase.name}
        onClose={onClose}
        spoken={phase.name === "failed" ? phase.failure : label}
        frame={
          <>
            <video ref={video} class="preview preview-contain" hidden={!isOn} autoplay muted playsInline />
            {kept && <span key={kept.count} class="live-flash" />}
          </>
        }
        controls={
          <>
            <button type="button" class="button button-strong live-shutter" disabled={!isOn} onClick={keep}>
              <Icon path={isSaid ? CHECK : CAMERA} />
              {t("live.shutter")}
            </button>
            {other !== undefined && (
              <button
                type="button"
                class="button live-switch"
                aria-label={t("live.switch")}
                title={t("live.switch")}
                disabled={!isOn}
                onClick={() => turnTo(other)}
              >
                <Icon path={SWITCH_CAMERA} />
              </button>
            )}
          </>
        }
      >
        {phase.name === "failed" ? (
          <FailureCard failure={phase.failure} onRetry={retry} />
        ) : (
          <LiveAnswer view={view} places={places} />
        )}
      </LiveStage>
      <div class="unseen" role="status" data-testid="live-kept">
        {isSaid && kept && t("live.kept", { file: kept.name })}
      </div>
    </>
  );
}

/** What is announced while the camera runs: the first label, or that the server is to be asked again. */
function spokenLabel({ phase, chart }: View, language: Language): string | undefined {
  if (phase.name === "busy") {
    return language.t("spoken.busy", { ...phase.failure.tell(language) });
  }
  return chart && heading({ predictions: chart.rows }, language);
}
