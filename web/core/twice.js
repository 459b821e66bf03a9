// H.264 has even sizes only: of a screen of an odd size its picture has the last column or row twice. What is there
// twice is hidden.

/** How many columns and rows of the picture the screen lacks: {across, down}, 0 or 1 each; null: none, or many. */
export function twiceOf(picture, own) {
  const across = picture.width - own.width;
  const down = picture.height - own.height;
  const odd = (n) => n === 0 || n === 1;
  return odd(across) && odd(down) && across + down > 0 ? { across, down } : null;
}

/** For `object-view-box`: the rest is shown as if it were all. */
export const viewBoxOf = ({ width, height }, { across, down }) =>
  `inset(0 ${(100 * across) / width}% ${(100 * down) / height}% 0)`;

/** For `clip-path`, where there is no such thing: of an element of that size, in which the picture is made to fit. */
export function clipOf(box, { width, height }, { across, down }) {
  const scale = Math.min(box.width / width, box.height / height);
  const right = (box.width - width * scale) / 2 + across * scale;
  const bottom = (box.height - height * scale) / 2 + down * scale;
  return `inset(0 ${right}px ${bottom}px 0)`;
}
