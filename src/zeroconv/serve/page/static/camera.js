// The camera: a picture as it stands when the button is pressed; nothing is recorded before, and nothing goes on afterwards.

import { button, element } from "./elements.js";
import { pictureOf } from "./pictures.js";

const REASONS = {
  NotAllowedError: "the camera was refused: allow it for this page in the browser, or give a file",
  NotFoundError: "there is no camera: give a file",
  OverconstrainedError: "there is no camera: give a file",
  NotReadableError: "another program uses the camera: close it there, or give a file",
};

export function camera(onpicture, onerror) {
  const video = element("video", { autoplay: true, muted: true, playsInline: true, "aria-label": "What the camera sees" });
  const place = element("div", { className: "zc-camera" });
  const open = button("Use the camera", () => begin());
  const shutter = button("Take the picture", () => take(), null, "main");
  const close = button("Close the camera", () => { stop(); open.focus(); });
  let stream = null;
  const gone = new MutationObserver(() => { if (!place.isConnected) stop(); });

  function stop() {
    gone.disconnect();
    stream?.getTracks().forEach((track) => track.stop());
    stream = video.srcObject = null;
    open.disabled = false;
    place.replaceChildren(open);
  }

  function take() {
    const picture = pictureOf(video, video.videoWidth, video.videoHeight);
    stop();
    onpicture(picture);
  }

  async function begin() {
    open.disabled = true;
    try {
      if (!navigator.mediaDevices) throw new Error("the browser gives the camera only to https and to this machine itself");
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
      gone.observe(document.body, { childList: true, subtree: true });
      if (!place.isConnected) return stop();
      shutter.disabled = true;
      video.srcObject = stream;
      place.replaceChildren(video, element("div", { className: "zc-tools" }, shutter, close));
      await video.play();
      shutter.disabled = false;
      shutter.focus();
    } catch (error) {
      stop();
      onerror(REASONS[error.name] ?? `the camera cannot be used: ${error.message}`);
    }
  }

  place.append(open);
  return place;
}
