// The browser alone can see that nobody answers it any more: `weirTold` is when somebody last did.
window.weirTold = Date.now();
setInterval(() => {
  const there = document.getElementById("gone");
  if (!there) return;
  const gone = Date.now() - window.weirTold > 15000;
  there.textContent = gone ? "The dashboard does not answer: is weir dashboard running?" : "";
  there.className = gone ? "banner" : "";
}, 1000);
