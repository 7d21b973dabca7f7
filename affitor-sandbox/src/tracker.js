// The browser part of affiliate tracking: detects visitors who arrive with ?aff=, reports the click and stores its id in
// first-party cookies. Usage:
//   <script src=".../js/affitor-tracker.js" data-affitor-program-id="42" defer></script>
(() => {
  "use strict";

  if (window.affitor?.loaded) return;

  const script = document.currentScript;
  const option = (name) => script?.getAttribute(`data-affitor-${name}`) || null;
  const programId = Number(option("program-id") || option("program") || window.AFFITOR_PROGRAM_ID) || null;
  const debugMode = option("debug") === "true";
  const api = (option("api-base") || (script?.src ? new URL(script.src).origin : location.origin)).replace(/\/+$/, "");

  const CLICK_ID = "affitor_click_id";
  const OLD_CLICK_ID = "customer_code";
  const HISTORY = "affitor_click_ids";
  const LANDING = "affitor_aff_url";
  // Only the sandbox's script stores this, in `localStorage`: it says which state of a sandbox the cookies belong to.
  const GENERATION = "affitor_sandbox";
  const generation = "SANDBOX_GENERATION";
  const HISTORY_LENGTH = 20;
  const DEFAULT_COOKIE_DAYS = 60;
  // How long a sign-up waits for a click, in milliseconds.
  const CLICK_TIMEOUT = 5000;

  const log = (...what) => debugMode && console.log("[Affitor]", ...what);
  const logError = (...what) => console.error("[Affitor]", ...what);

  // Cookies.

  const read = (name) => {
    const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
    return found ? found.slice(name.length + 1) : null;
  };

  // Older scripts stored some values without encoding them.
  const decoded = (value) => {
    try {
      return decodeURIComponent(value);
    } catch {
      return value;
    }
  };

  const write = (name, value, days, domain) => {
    const expires = new Date(Date.now() + days * 86_400_000).toUTCString();
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${name}=${value}; path=/; expires=${expires}; SameSite=Lax${domain ? `; domain=${domain}` : ""}${secure}`;
  };

  // The widest domain that accepts a cookie, so that shop.example and www.shop.example share it; null for localhost and
  // IP addresses.
  const cookieDomain = (() => {
    const configured = option("cookie-domain");
    if (configured) return configured;
    const host = location.hostname;
    if (!host.includes(".") || /^[\d.]+$/.test(host) || host.includes(":")) return null;
    const parts = host.split(".");
    for (let count = 2; count <= parts.length; count++) {
      const domain = parts.slice(-count).join(".");
      write("affitor_probe", "1", 1, domain);
      const accepted = read("affitor_probe") === "1";
      write("affitor_probe", "", -1, domain);
      if (accepted) return domain;
    }
    return null;
  })();

  const isId = (text) => typeof text === "string" && /^[!#$&()*+\-./0-9:<=>?@A-Z[\]^_`a-z{}~]{1,128}$/.test(text);

  const getClickId = () => read(CLICK_ID) || null;

  const getHistory = () => {
    const history = decoded(read(HISTORY) ?? "").split("|").filter(isId);
    const clickId = getClickId();
    if (history.length === 0 && clickId) history.push(clickId);
    return history.slice(-HISTORY_LENGTH);
  };

  // The landing URL of this page, even if its click was refused; otherwise that of the last click.
  let landedAt = null;

  const getLastLanding = () => {
    const landing = read(LANDING);
    return landing ? decoded(landing) : null;
  };

  const getLanding = () => landedAt ?? getLastLanding();

  const keep = (clickId, landing, days) => {
    const history = [...getHistory().filter((id) => id !== clickId), clickId].slice(-HISTORY_LENGTH);
    write(CLICK_ID, clickId, days, cookieDomain);
    write(OLD_CLICK_ID, clickId, days, cookieDomain);
    write(HISTORY, encodeURIComponent(history.join("|")), days, cookieDomain);
    write(LANDING, encodeURIComponent(landing), days, cookieDomain);
    setGeneration(generation);
  };

  // The partner's code in a URL; empty for an empty one, and null without one.
  const partnerOf = (url) => {
    try {
      return new URL(url).searchParams.get("aff");
    } catch {
      return null;
    }
  };

  // Takes over the cookie of older scripts, whatever it contains.
  const adoptOldCookie = () => {
    const old = read(OLD_CLICK_ID);
    if (getClickId() === null && old) write(CLICK_ID, old, DEFAULT_COOKIE_DAYS, cookieDomain);
  };

  // A page without storage works too: it only does not notice that a sandbox was restarted.
  const setGeneration = (value) => {
    try {
      localStorage.setItem(GENERATION, value);
    } catch {}
  };

  const getGeneration = () => {
    try {
      return localStorage.getItem(GENERATION);
    } catch {
      return null;
    }
  };

  // Whether the cookies belong to another state: the sandbox was restarted or reset, so it does not know their click.
  // They stay stale until a new click has succeeded.
  const isStale = () => {
    const known = getGeneration();
    const stale = known !== null && known !== generation && getClickId() !== null;
    if (!stale) setGeneration(generation);
    return stale;
  };

  const sessionId = (() => {
    const fresh = () => `sess_${Math.random().toString(36).slice(2)}_${Date.now()}`;
    try {
      const known = sessionStorage.getItem("affitor_session") ?? fresh();
      sessionStorage.setItem("affitor_session", known);
      return known;
    } catch {
      return fresh();
    }
  })();

  // Calls. None of them throws, because tracking must never break the page.

  const post = async (path, body) => {
    try {
      const response = await fetch(api + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        credentials: "omit",
        keepalive: true,
      });
      // A proxy may respond with something other than JSON.
      const data = await response.json().catch(() => null);
      const hint = response.headers.get("x-affitor-sandbox-hint");
      const shown = response.ok ? log : logError;
      shown(path, response.status, data?.message ?? data?.error ?? "", hint ?? "");
      return { ok: response.ok && data?.success === true, status: response.status, data, hint };
    } catch (error) {
      logError(path, String(error));
      return { ok: false, status: 0, data: null };
    }
  };

  // A sign-up waits for a click that is still being reported.
  let clicking = Promise.resolve();
  let clicks = 0;

  // One after another, so that the second one contains the id of the first.
  const trackClick = (landing, isStale) => {
    clicks += 1;
    return (clicking = clicking.then(() => click(landing, isStale)).finally(() => (clicks -= 1)));
  };

  const click = async (landing = location.href, isStale = false) => {
    const existing = getClickId();
    const partner = partnerOf(landing);
    // A repeated link of the same partner is not a new click. If the last partner is unknown, the service decides.
    if (!isStale && existing && partner && partnerOf(getLastLanding()) === partner) {
      log("click already recorded:", existing);
      return;
    }
    const result = await post("/api/v1/track/click", {
      affiliate_url: landing,
      page_url: location.href,
      page_title: document.title,
      referrer_url: document.referrer,
      session_id: sessionId,
      user_agent: navigator.userAgent,
      screen_resolution: `${screen.width}x${screen.height}`,
      viewport_size: `${innerWidth}x${innerHeight}`,
      language: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      ...(existing ? { existing_click_id: existing } : {}),
      additional_data: programId === null ? {} : { program_id: programId },
    });
    if (result.ok && isId(result.data.click_id)) {
      keep(result.data.click_id, landing, result.data.cookie_window_days || DEFAULT_COOKIE_DAYS);
      log("Click tracked, click_id saved:", result.data.click_id);
    }
    return result;
  };

  // The customer key and the e-mail address, or an object with both.
  const report = async (customer, address) => {
    const { customer_key: customerKey, email } =
      customer !== null && typeof customer === "object" ? customer : { customer_key: customer, email: address };
    await Promise.race([clicking, new Promise((resolve) => setTimeout(resolve, CLICK_TIMEOUT))]);
    const clickId = getClickId();
    const result = await post("/api/v1/track/lead", {
      click_id: clickId,
      customer_key: customerKey ?? null,
      ...(email ? { email } : {}),
      session_id: sessionId,
      page_url: location.href,
      click_ids: getHistory(),
      program_id: programId,
      has_attribution: clickId !== null,
      debug_mode: debugMode,
    });
    // The sandbox does not know the click. The next page reports it again.
    if (result.hint) setGeneration("unknown");
    if (result.ok) log("Signup tracked successfully");
    return result;
  };

  const signup = async (customer, address) => {
    await report(customer, address);
  };

  const trackLead = (lead) => signup(lead?.customer_key ?? lead?.user_id, lead?.email);

  const trackTest = async (test) => {
    await post("/api/tracking/test", { program_id: programId, step_id: "pageview", ...test });
  };

  const getData = () => {
    const clickId = getClickId();
    return { clickId, programId, hasAttribution: clickId !== null, affiliateUrl: getLanding() };
  };

  const init = () => {
    if (clicks > 0) return;
    adoptOldCookie();
    const stale = isStale();
    const lastLanding = getLastLanding();
    if (partnerOf(location.href) !== null) {
      landedAt = location.href;
      trackClick(location.href, stale);
    } else if (stale && partnerOf(lastLanding)) {
      log("the sandbox was restarted or reset: recording a new click for", lastLanding);
      trackClick(lastLanding, stale);
    }
  };

  window.affitor = {
    loaded: true,
    init,
    programId,
    debugMode,
    get clickId() {
      return getClickId();
    },
    get affiliateUrl() {
      return getLanding();
    },
    get hasAffiliateAttribution() {
      return getClickId() !== null;
    },
    getClickId,
    getData,
    // For tests: resolves when the click in progress, if any, has been reported. Not part of the documented script.
    settled: () => clicking,
    // For the sandbox's own shop: as `signup`, with the response. Not part of the documented script either.
    report,
    signup,
    trackClick: async () => {
      await trackClick();
    },
    trackLead,
    trackTest,
  };

  log("Affitor SDK initialized:", { programId, debug: debugMode });
  log("Using program ID:", programId);
  init();

  // Calls that were queued before this script was loaded.
  const queueable = { signup, trackLead, trackClick: () => trackClick(), trackTest };
  const run = (entry) => {
    const [name, ...args] = Array.isArray(entry) ? entry : [];
    if (Object.hasOwn(queueable, name)) queueable[name](...args);
    else log("unknown call", entry);
  };
  const waiting = Array.isArray(window.affitorQueue) ? window.affitorQueue : [];
  window.affitorQueue = { push: (...calls) => calls.forEach(run) };
  waiting.forEach(run);
})();
