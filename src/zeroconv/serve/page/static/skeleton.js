// OpenPose's figure of 18 joints as data: [x, y] in pixels of the canvas, and whether each joint is seen.

export const JOINTS = ["nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist",
  "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle", "right eye", "left eye", "right ear", "left ear"];

export const LIMBS = [[1, 2], [1, 5], [2, 3], [3, 4], [5, 6], [6, 7], [1, 8], [8, 9], [9, 10], [1, 11], [11, 12], [12, 13], [1, 0],
  [0, 14], [14, 16], [0, 15], [15, 17]];

export const COLOURS = ["#ff0000", "#ff5500", "#ffaa00", "#ffff00", "#aaff00", "#55ff00", "#00ff00", "#00ff55", "#00ffaa", "#00ffff",
  "#00aaff", "#0055ff", "#0000ff", "#5500ff", "#aa00ff", "#ff00ff", "#ff00aa", "#ff0055"];

const OTHER_SIDE = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16];

// A person who stands and looks at us, in shares of the figure's height; 0 is the middle.
const STANDING = [[0, 0.1], [0, 0.2], [-0.11, 0.2], [-0.15, 0.35], [-0.16, 0.48], [0.11, 0.2], [0.15, 0.35], [0.16, 0.48],
  [-0.07, 0.5], [-0.08, 0.72], [-0.08, 0.94], [0.07, 0.5], [0.08, 0.72], [0.08, 0.94], [-0.025, 0.075], [0.025, 0.075], [-0.055, 0.09], [0.055, 0.09]];

const round = (value) => Math.round(value * 100) / 100;

export function standing([width, height], middle = 0.5) {
  const tall = 0.9 * Math.min(height, width * 2);
  const top = (height - tall) / 2;
  return { joints: STANDING.map(([x, y]) => ({ x: round(middle * width + x * tall), y: round(top + y * tall), seen: true })) };
}

// The figure as a mirror shows it, in its own place: left and right change sides.
export function mirrored(figure) {
  const xs = figure.joints.filter((joint) => joint.seen).map((joint) => joint.x);
  const both = Math.min(...xs) + Math.max(...xs);
  return { ...figure, joints: OTHER_SIDE.map((other) => ({ ...figure.joints[other], x: round(both - figure.joints[other].x) })) };
}

export function resized(figures, [width, height], [newWidth, newHeight]) {
  const scale = (joint) => ({ ...joint, x: round((joint.x * newWidth) / width), y: round((joint.y * newHeight) / height) });
  return figures.map((figure) => ({ ...figure, joints: figure.joints.map(scale) }));
}

export function toJson(figures, [width, height]) {
  const people = figures.map(({ joints, others = {} }) => ({
    pose_keypoints_2d: joints.flatMap(({ x, y, seen }) => (seen ? [x, y, 1] : [0, 0, 0])),
    hand_left_keypoints_2d: [], hand_right_keypoints_2d: [], face_keypoints_2d: [], ...others,
  }));
  return { people, canvas_width: width, canvas_height: height };
}

// OpenPose's JSON -> figures on a canvas of `size`; 25 joints become 18, shares become pixels.
export function fromJson(content, size) {
  const record = Array.isArray(content) ? content[0] : content;
  if (!Array.isArray(record?.people)) throw new Error("this is no file of poses: expected OpenPose's JSON with a list of people");
  const canvas = [record.canvas_width ?? record.width ?? size[0], record.canvas_height ?? record.height ?? size[1]];
  return record.people.map((person) => {
    const figure = { joints: joints(person.pose_keypoints_2d ?? [], canvas, size) };
    const others = Object.entries(person).filter(([name, part]) => name !== "pose_keypoints_2d" && name.endsWith("_keypoints_2d") && part?.length);
    if (others.length) figure.others = Object.fromEntries(others.map(([name, part]) => [name, scaled(part, canvas, size)]));
    return figure;
  });
}

function joints(numbers, canvas, size) {
  const count = numbers.length / 3;
  if (count !== 18 && count !== 25) throw new Error("pose_keypoints_2d must be a list of 54 or 75 numbers");
  const order = count === 18 ? [...Array(18).keys()] : [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];
  const pixels = scaled(numbers, canvas, size);
  return placed(order.map((at) => ({ x: pixels[3 * at], y: pixels[3 * at + 1], seen: pixels[3 * at + 2] > 0 })), size);
}

// Joints of which nothing is known stand where a standing person of this place and size would have them, to be shown and moved.
function placed(joints, size) {
  const pairs = joints.flatMap((joint, at) => (joint.seen ? [[[joint.x, joint.y], STANDING[at]]] : []));
  if (!pairs.length) return joints;
  const middle = (which) => [0, 1].map((axis) => pairs.reduce((sum, pair) => sum + pair[which][axis], 0) / pairs.length);
  const [here, there] = [middle(0), middle(1)];
  const spread = (which, [x, y]) => Math.hypot(...pairs.flatMap((pair) => [pair[which][0] - x, pair[which][1] - y]));
  const scale = spread(0, here) / (spread(1, there) || 1) || size[1] / 2;
  const at = (index, axis) => round(Math.min(size[axis], Math.max(0, here[axis] + scale * (STANDING[index][axis] - there[axis]))));
  return joints.map((joint, index) => (joint.seen || joint.x || joint.y ? joint : { ...joint, x: at(index, 0), y: at(index, 1) }));
}

function scaled(numbers, canvas, size) {
  const areShares = numbers.every((value, at) => at % 3 === 2 || value <= 2);
  const [width, height] = areShares ? [1, 1] : canvas;
  return numbers.map((value, at) => (at % 3 === 2 ? value : round((value * size[at % 3]) / [width, height][at % 3])));
}
