// Moving from one state to the next.

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Call with 0 to 1 within so many milliseconds; gives a function that ends it. */
export function glide(milliseconds, draw) {
  if (calm.matches || document.hidden) {
    draw(1);
    return () => {};
  }
  let running = true;
  const start = performance.now();
  const next = (now) => {
    if (!running) return;
    const part = Math.min(1, (now - start) / milliseconds);
    draw(part);
    if (part < 1) requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  return () => {
    running = false;
  };
}
