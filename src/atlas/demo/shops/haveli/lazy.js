// Pictures load when they come near the window.
const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    target.sizes = "160px";
    target.srcset = target.dataset.srcset;
    target.src = target.dataset.src;
  }
}, { rootMargin: "200px" });
document.querySelectorAll("img.lazy").forEach((image) => near.observe(image));
