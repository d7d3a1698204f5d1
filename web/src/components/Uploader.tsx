import { useRef, useState } from "preact/hooks";
import { ACCEPTED } from "../lib/files.ts";
import { earlierModel } from "../lib/model.ts";
import { shortSideFor } from "../lib/shrink.ts";
import { useIncomingFiles } from "../lib/useIncomingFiles.ts";
import { useLook } from "../lib/useLook.ts";
import { useModel } from "../lib/useModel.ts";
import { useServiceWorker } from "../lib/useServiceWorker.ts";
import { useVisit } from "../lib/useVisit.ts";
import { Announcer } from "./Announcer.tsx";
import { DropOverlay } from "./DropOverlay.tsx";
import { Introduction } from "./Introduction.tsx";
import { LookControls } from "./LookControls.tsx";
import { Live } from "./live/Live.tsx";
import { ModelName } from "./ModelName.tsx";
import { OfflineNote } from "./OfflineNote.tsx";
import { Panel } from "./Panel.tsx";
import { Samples } from "./Samples.tsx";
import { ShrinkSwitch } from "./ShrinkSwitch.tsx";
import { SourceButtons } from "./SourceButtons.tsx";
import { Viewfinder } from "./Viewfinder.tsx";
import { VisitSection } from "./VisitSection.tsx";
import "./answer.css";
import "./uploader.css";

/** Takes pictures and shows the answers. */
export function Uploader() {
  const [shrinks, setShrinks] = useState(true);
  const [isLive, setIsLive] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const liveButton = useRef<HTMLButtonElement>(null);
  const { known, check } = useModel();
  const { model } = known;
  const shortSide = shortSideFor(model?.input);
  // While the model is unknown it may have maps. One without refuses, and is asked again without them.
  const explains = !model || Boolean(model.activation);
  const visit = useVisit({
    shrinks,
    shortSide,
    limits: model?.limits,
    explains,
    onAnswer: ({ revision }) => check(revision),
  });
  const { selected, add } = visit;
  const give = (files: File[]) => {
    setIsLive(false);
    add(files);
  };
  const show = (id: number) => {
    setIsLive(false);
    visit.select(id);
  };
  const closeLive = () => {
    setIsLive(false);
    liveButton.current?.focus();
  };
  const look = useLook(selected);
  /** Whether there is room for a map's controls and sentence, before the answer as well, so that it moves nothing. */
  const hasRoom = explains || look.rank !== undefined;
  const isDraggedOver = useIncomingFiles(give);
  useServiceWorker(give);
  return (
    <>
      <div class="uploader">
        <div class="stage">
          {!selected && !isLive && <Introduction />}
          {isLive ? (
            <Live model={model} onAnswer={({ revision }) => check(revision)} onPicture={add} onClose={closeLive} />
          ) : (
            <div key="view" class="view">
              <Viewfinder picture={selected} look={look} onChoose={() => chooser.current?.click()} />
              {selected && hasRoom && <LookControls look={look} />}
            </div>
          )}
          {selected && !isLive && (
            <Panel
              picture={selected}
              look={look}
              hasRoom={hasRoom}
              earlier={earlierModel(known, selected)}
              onCancel={() => visit.cancel([selected])}
              onRetry={() => visit.retry([selected])}
            />
          )}
          {/* Preact would take an element without a key for the view that comes and goes, and lose the focus in it. */}
          <div key="sources" class="sources">
            <SourceButtons
              chooser={chooser}
              accepted={model?.formats.join(",") ?? ACCEPTED}
              onFiles={give}
              liveButton={liveButton}
              isLive={isLive}
              onLive={() => setIsLive(!isLive)}
            />
            <Samples onFiles={give} />
            <ShrinkSwitch checked={shrinks} shortSide={shortSide} onChange={setShrinks} />
          </div>
        </div>
        <VisitSection visit={{ ...visit, select: show }} onFiles={give} />
      </div>
      <Announcer picture={isLive ? undefined : selected} rank={look.rank} change={known.change} />
      <ModelName model={model} />
      <OfflineNote />
      {isDraggedOver && <DropOverlay />}
    </>
  );
}
