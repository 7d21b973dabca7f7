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

  const put = (html) => {
    const before = new Map([...story.querySelectorAll("[data-version]")].map((card) => [card.id, card.dataset.version]));
    const focused = story.contains(document.activeElement) ? document.activeElement : null;
    const place = focused && [...story.querySelectorAll("a, button")].indexOf(focused);
    story.innerHTML = html;
    if (before.size > 0) {
      for (const card of story.querySelectorAll("[data-version]")) {
        if (before.get(card.id) !== card.dataset.version) card.classList.add("fresh");
      }
    }
    if (focused) story.querySelectorAll("a, button")[place]?.focus();
  };

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
    if (form === filters) {
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
      if (response.ok) form.closest("details")?.removeAttribute("open");
    } catch {
      show("The sandbox does not respond", true);
    }
  });

  const filter = () => {
    const query = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
    history.replaceState(null, "", query.size ? `/?${query}` : "/");
    draw();
  };
  filters.addEventListener("input", filter);

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
  changes.addEventListener("error", () => state(false, "the sandbox has stopped"));
  changes.addEventListener("change", draw);
})();
