// Keeps the page up to date and submits its forms in the background. The page also works without this script.
(() => {
  "use strict";

  const story = document.getElementById("story");
  const filters = document.getElementById("filters");
  const toast = document.getElementById("toast");
  const live = document.getElementById("live");
  const dot = document.getElementById("live-dot");

  // Changes that arrive while the page is being updated cause one more update.
  let drawing = false;
  let redraw = false;

  const draw = async () => {
    if (drawing) {
      redraw = true;
      return;
    }
    drawing = true;
    do {
      redraw = false;
      try {
        const response = await fetch(`/_sandbox/story${location.search}`);
        if (response.ok) put(await response.text());
      } catch {
        // The event stream reports that the sandbox has stopped.
      }
    } while (redraw);
    drawing = false;
  };

  const cards = () => [...story.querySelectorAll("[data-version]")];
  const focusable = "a, button, summary, pre";

  const put = (html) => {
    const before = new Map(cards().map((card) => [card.id, card]));
    // Cards that someone opened or closed stay that way. The others follow the server: only the newest is open.
    const chosen = new Map([...before].filter(([, card]) => card.dataset.chosen).map(([id, card]) => [id, card.open]));
    const focused = story.contains(document.activeElement) ? document.activeElement : null;
    const card = focused?.closest("[data-version]")?.id;
    const place = focused && [...(card ? before.get(card) : story).querySelectorAll(focusable)].indexOf(focused);
    story.innerHTML = html;
    for (const shown of cards()) {
      if (before.size > 0 && before.get(shown.id)?.dataset.version !== shown.dataset.version) shown.classList.add("fresh");
      if (chosen.has(shown.id)) {
        shown.open = chosen.get(shown.id);
        shown.dataset.chosen = "yes";
      }
    }
    if (focused) (card ? document.getElementById(card) : story)?.querySelectorAll(focusable)[place]?.focus();
  };

  document.addEventListener("click", (event) => {
    const card = event.target.closest("#story details > summary")?.parentElement;
    if (card) card.dataset.chosen = "yes";
  });

  // Copy buttons. Pages that are not on this machine can't use the clipboard without a selection.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      getSelection().selectAllChildren(button.previousElementSibling);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });

  let hiding;
  const show = (text, bad) => {
    toast.textContent = text;
    toast.classList.toggle("bad", bad);
    toast.hidden = false;
    clearTimeout(hiding);
    hiding = setTimeout(() => (toast.hidden = true), 4000);
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (filters && form === filters) {
      event.preventDefault();
      filter();
      return;
    }
    if (!form.classList.contains("action")) return;
    event.preventDefault();
    try {
      const response = await fetch(form.action, {
        method: "POST",
        headers: { accept: "application/json" },
        body: new URLSearchParams(new FormData(form)),
      });
      const result = await response.json();
      show(result.message ?? result.error, !response.ok);
      if (!response.ok) return;
      if (form.id === "rotate") showKey(result.api_key);
      else form.closest("details")?.removeAttribute("open");
    } catch {
      show("The sandbox does not respond", true);
    }
  });

  // The new key, which the sandbox returns only once.
  const showKey = (key) => {
    const place = document.getElementById("new-key-text");
    const text = document.createElement("pre");
    text.tabIndex = 0;
    text.textContent = key;
    const copy = document.createElement("button");
    Object.assign(copy, { type: "button", className: "copy", textContent: "Copy", ariaLabel: "Copy the new key" });
    copy.dataset.copy = key;
    place.replaceChildren(text, copy);
    document.getElementById("new-key").hidden = false;
  };

  const filter = () => {
    const query = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
    history.replaceState(null, "", query.size ? `/?${query}` : "/");
    draw();
  };
  filters?.addEventListener("input", filter);

  // Only one menu is open at a time, and Escape closes it.
  const menus = [...document.querySelectorAll("details.menu")];
  const close = (except) => menus.forEach((menu) => menu !== except && menu.removeAttribute("open"));
  menus.forEach((menu) => menu.addEventListener("toggle", () => menu.open && close(menu)));
  document.addEventListener("click", (event) => close(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    const open = menus.find((menu) => menu.open);
    if (event.key === "Escape" && open) {
      open.removeAttribute("open");
      open.querySelector("summary").focus();
    }
  });

  const changes = new EventSource("/_sandbox/changes");
  const state = (on, text) => {
    dot.classList.toggle("on", on);
    live.textContent = text;
  };
  changes.addEventListener("open", () => state(true, "live"));
  changes.addEventListener("error", () => state(false, "disconnected, reconnecting…"));
  changes.addEventListener("change", draw);
})();
