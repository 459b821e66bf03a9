// How a phone lies: orientations as the DeviceOrientation specification means them, turned into what a page can show.

const HALF = Math.PI / 360;
const DEGREES = 180 / Math.PI;

/** The rotation from the phone to the earth (east, north, up), [w, x, y, z]: about Z, the new X, then the new Y. */
export function quaternionOf({ alpha, beta, gamma }) {
  const [cZ, cX, cY] = [alpha, beta, gamma].map((a) => Math.cos((a ?? 0) * HALF));
  const [sZ, sX, sY] = [alpha, beta, gamma].map((a) => Math.sin((a ?? 0) * HALF));
  return [
    cZ * cX * cY - sZ * sX * sY,
    cZ * sX * cY - sZ * cX * sY,
    cZ * cX * sY + sZ * sX * cY,
    sZ * cX * cY + cZ * sX * sY,
  ];
}

export const multiply = ([a, b, c, d], [e, f, g, h]) => [
  a * e - b * f - c * g - d * h,
  a * f + b * e + c * h - d * g,
  a * g - b * h + c * e + d * f,
  a * h + b * g - c * f + d * e,
];
export const inverse = ([w, x, y, z]) => [w, -x, -y, -z];

/** `q` as it is seen from the pose `zero`: the two being the same, it lies flat with its top to the north. */
export const relative = (q, zero) => (zero ? multiply(inverse(zero), q) : q);

/** The rotation's matrix, rows. */
export function matrixOf([w, x, y, z]) {
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
}

/** The angles of it in degrees, in the ranges of the specification: alpha 0..360, beta -180..180, gamma -90..90. */
export function anglesOf(q) {
  const m = matrixOf(q);
  // cos(beta) may have either sign: that for which gamma is within a quarter turn
  const sX = Math.min(1, Math.max(-1, m[2][1]));
  let alpha, beta, gamma;
  if (Math.abs(sX) > 0.999999) {
    beta = sX > 0 ? Math.PI / 2 : -Math.PI / 2;
    gamma = 0; // it and alpha turn about the same axis
    alpha = Math.atan2(m[1][0], m[0][0]);
  } else {
    const sign = m[2][2] < 0 ? -1 : 1;
    beta = Math.atan2(sX, sign * Math.sqrt(1 - sX * sX));
    gamma = Math.atan2(-m[2][0] * sign, m[2][2] * sign);
    alpha = Math.atan2(-m[0][1] * sign, m[1][1] * sign);
  }
  return {
    alpha: (alpha * DEGREES + 360) % 360,
    beta: beta * DEGREES,
    gamma: gamma * DEGREES,
  };
}

/**
 * As CSS shows it to somebody who looks down on the phone: right is east, up is north. On a page Y goes down, so that
 * what turns about X or Z turns the other way.
 */
export function cssOf(q) {
  const m = matrixOf(q);
  const flip = [1, -1, 1];
  const columns = [0, 1, 2].map((c) => [0, 1, 2].map((r) => (m[r][c] * flip[r] * flip[c]).toFixed(5)));
  return `matrix3d(${columns.map((c) => `${c.join(',')},0`).join(',')},0,0,0,1)`;
}

/** Where up is, in the phone's own axes. A phone that lies still feels its weight's answer: this, times 9.81 m/s². */
export const upOf = (orientation) => matrixOf(quaternionOf(orientation))[2];
