import FolderIcon from "@mui/icons-material/AddPhotoAlternateOutlined";
import CameraIcon from "@mui/icons-material/PhotoCameraOutlined";
import Button from "@mui/material/Button";
import Stack from "@mui/material/Stack";
import { type ChangeEvent, type RefObject, useRef } from "react";

interface Props {
  /** The file input. Other components open its dialog too. */
  chooser: RefObject<HTMLInputElement | null>;
  /** The formats that the dialog offers, for the attribute `accept`. */
  accepted: string;
  onFiles: (files: File[]) => void;
}

/** The buttons that open the file dialog and, on touch screens, the camera. */
export function SourceButtons({ chooser, accepted, onFiles }: Props) {
  const camera = useRef<HTMLInputElement>(null);
  const take = ({ currentTarget }: ChangeEvent<HTMLInputElement>) => {
    onFiles([...(currentTarget.files ?? [])]);
    // Without this, choosing the same file again fires no event.
    currentTarget.value = "";
  };
  return (
    <Stack direction="row" sx={{ gap: 1, flexWrap: "wrap" }}>
      <Button variant="contained" size="large" startIcon={<FolderIcon />} onClick={() => chooser.current?.click()}>
        Choose photographs
      </Button>
      <Button
        variant="outlined"
        size="large"
        startIcon={<CameraIcon />}
        onClick={() => camera.current?.click()}
        className="for-touch"
      >
        Take a photo
      </Button>
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
    </Stack>
  );
}
