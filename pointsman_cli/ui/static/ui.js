// What a live page needs besides htmx: no look while nobody looks or text is selected, news for screen readers, and a
// word when nothing answers.
document.addEventListener("htmx:beforeRequest", event => {
  if (document.hidden && event.target.id === "live") event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", event => {
  const selection = document.getSelection();
  const selects = selection && !selection.isCollapsed && event.target.contains(selection.anchorNode);
  if (event.target.id === "live" && selects) event.detail.shouldSwap = false;
});
document.addEventListener("htmx:afterSwap", () => {
  document.getElementById("gone").hidden = true;
  const live = document.getElementById("live"), news = document.getElementById("news");
  if (live && news.textContent !== live.dataset.news) news.textContent = live.dataset.news;
});
document.addEventListener("htmx:sendError", () => { document.getElementById("gone").hidden = false; });
document.addEventListener("keydown", event => {
  const form = event.target.form;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form) form.requestSubmit();
});
