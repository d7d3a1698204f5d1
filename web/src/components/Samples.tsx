import { useState } from "preact/hooks";
import cat from "../../../tests/pictures/chelsea.webp";
import coffee from "../../../tests/pictures/coffee.jpg";
import rocket from "../../../tests/pictures/rocket_progressive.jpg";
import { useLanguage } from "../i18n/LanguageProvider.tsx";
import "./samples.css";

/** The licence is CC0: see `tests/pictures/README.md`. */
const SAMPLES = [
  { name: "samples.cat", file: "chelsea.webp", ...cat },
  { name: "samples.coffee", file: "coffee.jpg", ...coffee },
  { name: "samples.rocket", file: "rocket.jpg", ...rocket },
] as const;

interface Props {
  onFiles: (files: File[]) => void;
}

/** Sample pictures to try the page with. */
export function Samples({ onFiles }: Props) {
  const { t } = useLanguage();
  const [isMissing, setIsMissing] = useState(false);
  const take = async (src: string, name: string) => {
    try {
      // The page shows this picture already, so the browser's cache has it.
      const response = await fetch(src, { cache: "force-cache" });
      if (!response.ok) {
        throw new Error(`the sample is not there: ${response.status}`);
      }
      const blob = await response.blob();
      setIsMissing(false);
      onFiles([new File([blob], name, { type: blob.type })]);
    } catch {
      setIsMissing(true);
    }
  };
  return (
    <section aria-labelledby="samples">
      <h2 id="samples" class="subtitle">
        {t("samples.heading")}
      </h2>
      <div class="samples">
        {SAMPLES.map(({ name, file, src, width, height }) => (
          <button key={file} type="button" class="sample" aria-label={t(name)} onClick={() => take(src, file)}>
            <img src={src} alt="" width={width} height={height} />
          </button>
        ))}
      </div>
      {isMissing && (
        <p role="alert" class="samples-missing">
          {t("samples.missing")}
        </p>
      )}
    </section>
  );
}
