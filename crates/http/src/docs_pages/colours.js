// Swagger UI is dark by a class on the root, the site by `data-theme` and by what the reader's system prefers.
"use strict";
{
  const root = document.documentElement;
  const prefers = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => root.classList.toggle("dark-mode", root.dataset.theme === "dark" || (root.dataset.theme === "auto" && prefers.matches));
  paint();
  prefers.addEventListener("change", paint);
}
