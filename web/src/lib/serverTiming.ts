/** A stage of the server and its time. */
export interface Timing {
  name: string;
  milliseconds: number;
}

/** The metrics of a `Server-Timing` header (W3C Server Timing) that have a duration. */
export function parseServerTiming(header: string | null): Timing[] {
  const metrics = (header ?? "").split(",").map((metric) => metric.split(";").map((part) => part.trim()));
  return metrics.flatMap(([name, ...parameters]) => {
    const duration = parameters.find((parameter) => parameter.startsWith("dur="));
    const milliseconds = Number(duration?.slice("dur=".length));
    return name && Number.isFinite(milliseconds) ? [{ name, milliseconds }] : [];
  });
}

export function total(timings: Timing[]): number {
  return timings.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
}
