import { useLayoutEffect, useRef } from "preact/hooks";
import { type Activation, canvasSize, enlarge, placed, type Size } from "../lib/activation.ts";
import type { Prediction } from "../lib/api.ts";
import type { Look } from "../lib/useLook.ts";
import { painted } from "../lib/viridis.ts";

interface Props {
  predictions: Prediction[];
  look: Look;
  /** The size of the upright picture, in pixels. */
  size: Size;
}

/** The maps of all labels over their picture, one above the other. One of them is visible at most. */
export function WhereMaps({ predictions, look, size }: Props) {
  return (
    <>
      {predictions.map(({ activation }, rank) => {
        const isShown = look.isOn && rank === look.rank;
        return (
          activation && (
            <WhereMap
              // biome-ignore lint/suspicious/noArrayIndexKey: the list is never changed, only replaced
              key={rank}
              activation={activation}
              opacity={isShown ? look.strength : 0}
              size={size}
            />
          )
        );
      })}
    </>
  );
}

/** A map on a canvas of the picture's aspect ratio, so that `object-fit` puts it on the picture. */
function WhereMap({ activation, opacity, size }: { activation: Activation; opacity: number; size: Size }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = canvasSize(size);
  const isShown = opacity > 0;
  useLayoutEffect(() => {
    // WebKitGTK prints a canvas as black that it keeps in the memory of the graphics card, which this option prevents.
    const context = canvas.current?.getContext("2d", { willReadFrequently: true });
    if (!isShown || !context) {
      return;
    }
    const area = placed(activation.window, { width, height });
    const pixels = painted(enlarge(activation, area));
    context.clearRect(0, 0, width, height);
    context.putImageData(new ImageData(pixels, area.width, area.height), area.left, area.top);
  }, [activation, isShown, width, height]);
  return (
    <canvas
      ref={canvas}
      width={width}
      height={height}
      class="preview preview-contain where-map"
      data-testid="map"
      data-shown={isShown}
      style={{ opacity }}
    />
  );
}
