"use strict";
// Each slider moves the line between the images before and after; so does the image itself.
for (const figure of document.querySelectorAll(".wipe")) {
  const view = figure.querySelector(".view");
  const input = figure.querySelector("input");
  const show = () => {
    view.style.setProperty("--cut", input.value + "%");
    input.setAttribute("aria-valuetext", input.value + " % before");
  };
  const follow = (event) => {
    const box = view.getBoundingClientRect();
    input.value = Math.round((100 * (event.clientX - box.left)) / box.width);
    show();
  };
  input.addEventListener("input", show);
  view.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    view.setPointerCapture(event.pointerId);
    follow(event);
  });
  view.addEventListener("pointermove", (event) => {
    if (view.hasPointerCapture(event.pointerId)) follow(event);
  });
  show();
}
