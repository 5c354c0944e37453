// Colours of points. Twelve hues for groups, then again lighter; a ramp for how frequent a word is.

const HUES = [[31, 119, 180], [230, 120, 20], [46, 150, 70], [200, 50, 60], [130, 95, 190], [140, 90, 75],
  [215, 100, 170], [115, 125, 130], [170, 165, 30], [20, 165, 180], [80, 80, 200], [180, 140, 90]];

// From the colour of the ground to that of the ink: rare words stand back.
const LIGHT = [[196, 206, 219], [140, 172, 206], [74, 130, 186], [24, 84, 150], [10, 38, 84]];
const DARK = [[62, 70, 82], [66, 96, 130], [84, 140, 196], [140, 196, 240], [226, 242, 255]];

const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

export function groupColour(group) {
  const lift = (dark() ? 0.25 : 0) + (group >= HUES.length ? 0.3 : 0);
  return HUES[group % HUES.length].map((part) => Math.round(part + (255 - part) * lift));
}

export function rampColour(share) {
  const ramp = dark() ? DARK : LIGHT;
  const at = Math.max(0, Math.min(1, share)) * (ramp.length - 1);
  const from = Math.min(ramp.length - 2, Math.floor(at));
  return ramp[from].map((part, i) => Math.round(part + (ramp[from + 1][i] - part) * (at - from)));
}

export const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;

// r, g, b, a of each point, by "frequency" or by "cluster".
export function coloursOf(by, count, { counts, groups }) {
  const colours = new Uint8Array(4 * count);
  const cover = count > 20000 ? 150 : 210;
  const most = counts ? Math.log(Math.max(1, counts[0])) : 1;
  const least = counts ? Math.log(Math.max(1, counts[count - 1])) : 0;
  for (let i = 0; i < count; i += 1) {
    const rank = counts ? (Math.log(Math.max(1, counts[i])) - least) / Math.max(1e-9, most - least)
      : 1 - Math.log1p(i) / Math.log1p(count);
    colours.set(by === "cluster" && groups ? groupColour(groups[i]) : rampColour(rank), 4 * i);
    colours[4 * i + 3] = cover;
  }
  return colours;
}
