import CssBaseline from "@mui/material/CssBaseline";
import { ThemeProvider } from "@mui/material/styles";
import { useRef, useState } from "react";
import { ACCEPTED } from "../lib/files.ts";
import { earlierModel } from "../lib/model.ts";
import { shortSideFor } from "../lib/shrink.ts";
import { useIncomingFiles } from "../lib/useIncomingFiles.ts";
import { useModel } from "../lib/useModel.ts";
import { useVisit } from "../lib/useVisit.ts";
import { theme } from "../theme.ts";
import { Announcer } from "./Announcer.tsx";
import { DropOverlay } from "./DropOverlay.tsx";
import { Introduction } from "./Introduction.tsx";
import { ModelName } from "./ModelName.tsx";
import { Panel } from "./Panel.tsx";
import { Samples } from "./Samples.tsx";
import { ShrinkSwitch } from "./ShrinkSwitch.tsx";
import { SourceButtons } from "./SourceButtons.tsx";
import { Strip } from "./Strip.tsx";
import { Viewfinder } from "./Viewfinder.tsx";
import "./uploader.css";

/** The page's only island: takes pictures and shows the answers. */
export default function ImageUploader() {
  const [shrinks, setShrinks] = useState(true);
  const chooser = useRef<HTMLInputElement>(null);
  const { known, check } = useModel();
  const { model } = known;
  const shortSide = shortSideFor(model?.input);
  const { pictures, selected, add, select, cancel, retry } = useVisit({
    shrinks,
    shortSide,
    limits: model?.limits,
    onAnswer: ({ revision }) => check(revision),
  });
  const isDraggedOver = useIncomingFiles(add);
  return (
    <ThemeProvider theme={theme}>
      <CssBaseline />
      <div className="uploader">
        <div className="column">
          <Viewfinder picture={selected} onChoose={() => chooser.current?.click()} />
          <Strip pictures={pictures} selected={selected?.id} onSelect={select} />
        </div>
        <div className="column">
          {selected ? (
            <Panel picture={selected} earlier={earlierModel(known, selected)} onCancel={cancel} onRetry={retry} />
          ) : (
            <Introduction />
          )}
          <div className="sources">
            <SourceButtons chooser={chooser} accepted={model?.formats.join(",") ?? ACCEPTED} onFiles={add} />
            <Samples onFiles={add} />
            <ShrinkSwitch checked={shrinks} shortSide={shortSide} onChange={setShrinks} />
          </div>
        </div>
      </div>
      <Announcer picture={selected} change={known.change} />
      <ModelName model={model} />
      {isDraggedOver && <DropOverlay />}
    </ThemeProvider>
  );
}
