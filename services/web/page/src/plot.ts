// The numbers of a vector as bars around zero.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 48;

export function plot(vector: number[]): SVGSVGElement {
  const most = Math.max(...vector.map(Math.abs), 1e-9);
  const bars = vector.map((value, i) => `M${i + 0.5} ${HEIGHT / 2}v${((-value / most) * HEIGHT) / 2}`);
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${vector.length} ${HEIGHT}`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("class", "plot");
  drawing.setAttribute("role", "img");
  const range = `${Math.min(...vector).toFixed(3)} to ${Math.max(...vector).toFixed(3)}`;
  drawing.setAttribute("aria-label", `Bar plot of ${vector.length} numbers from ${range}`);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", bars.join(""));
  drawing.append(path);
  return drawing;
}
