import "./progress.css";

interface Props {
  label: string;
  /** 0 to 1, or undefined if unknown. */
  done?: number | undefined;
}

/** The progress of an upload, or a moving bar for work of unknown length. */
export function ProgressBar({ label, done }: Props) {
  if (done === undefined) {
    return <div class="progress progress-running" role="progressbar" aria-label={label} />;
  }
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(done * 100)}
    >
      <div style={{ transform: `scaleX(${done})` }} />
    </div>
  );
}
