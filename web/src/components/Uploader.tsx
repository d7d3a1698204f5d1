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
import { ModelName } from "./ModelName.tsx";
import { OfflineNote } from "./OfflineNote.tsx";
import { Panel } from "./Panel.tsx";
import { Samples } from "./Samples.tsx";
import { ShrinkSwitch } from "./ShrinkSwitch.tsx";
import { SourceButtons } from "./SourceButtons.tsx";
import { Strip } from "./Strip.tsx";
import { Viewfinder } from "./Viewfinder.tsx";
import "./answer.css";
import "./uploader.css";

/** Takes pictures and shows the answers. */
export function Uploader() {
  const [shrinks, setShrinks] = useState(true);
  const chooser = useRef<HTMLInputElement>(null);
  const { known, check } = useModel();
  const { model } = known;
  const shortSide = shortSideFor(model?.input);
  const explains = Boolean(model?.activation);
  const { pictures, selected, add, select, cancel, retry } = useVisit({
    shrinks,
    shortSide,
    limits: model?.limits,
    explains,
    onAnswer: ({ revision }) => check(revision),
  });
  const look = useLook(selected);
  /** Whether there is room for a map's controls and sentence, before the answer as well, so that it moves nothing. */
  const hasRoom = explains || look.rank !== undefined;
  const isDraggedOver = useIncomingFiles(add);
  useServiceWorker(add);
  return (
    <>
      <div class="uploader">
        <div class="stage">
          {!selected && <Introduction />}
          <div class="view">
            <Viewfinder picture={selected} look={look} onChoose={() => chooser.current?.click()} />
            {selected && hasRoom && <LookControls look={look} />}
          </div>
          {selected && (
            <Panel
              picture={selected}
              look={look}
              hasRoom={hasRoom}
              earlier={earlierModel(known, selected)}
              onCancel={cancel}
              onRetry={retry}
            />
          )}
          <div class="sources">
            <SourceButtons chooser={chooser} accepted={model?.formats.join(",") ?? ACCEPTED} onFiles={add} />
            <Samples onFiles={add} />
            <ShrinkSwitch checked={shrinks} shortSide={shortSide} onChange={setShrinks} />
          </div>
        </div>
        <Strip pictures={pictures} selected={selected?.id} onSelect={select} />
      </div>
      <Announcer picture={selected} rank={look.rank} change={known.change} />
      <ModelName model={model} />
      <OfflineNote />
      {isDraggedOver && <DropOverlay />}
    </>
  );
}
