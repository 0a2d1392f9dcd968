// Lays one revision of a picture over the other, with a line between them where the slider stands; until it is moved they stand side by side.

for (const slider of document.querySelectorAll(".compared input[type=range]")) {
  const compared = slider.closest(".compared");
  compared.dataset.state = "ready"; // the style shows the slider
  slider.addEventListener("input", () => {
    compared.dataset.line = "";
    compared.style.setProperty("--line-at", `${slider.value}%`);
  });
}
