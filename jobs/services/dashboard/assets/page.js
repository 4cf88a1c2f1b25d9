// Only the browser can detect that the server has stopped. `weirUpdated` is the time of its last response, in
// milliseconds since 1970.
window.weirUpdated = Date.now();
setInterval(() => {
  const banner = document.getElementById("offline");
  if (!banner) return;
  const isOffline = Date.now() - window.weirUpdated > 15000;
  banner.textContent = isOffline ? "The dashboard does not answer: check that weir dashboard is running." : "";
  banner.className = isOffline ? "banner" : "";
}, 1000);
