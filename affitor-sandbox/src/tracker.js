// The page's side of affiliate tracking: notices a visitor who comes with ?aff=, reports the click, and keeps its id in
// first-party cookies. Used as
//   <script src=".../js/affitor-tracker.js" data-affitor-program-id="42" defer></script>
(() => {
  "use strict";

  if (window.affitor?.loaded) return;

  const script = document.currentScript;
  const option = (name) => script?.getAttribute(`data-affitor-${name}`) || null;
  const programId = option("program-id") || option("program") || window.AFFITOR_PROGRAM_ID || null;
  const debugMode = option("debug") === "true";
  const api = (option("api-base") || (script?.src ? new URL(script.src).origin : location.origin)).replace(/\/+$/, "");

  const CLICK_ID = "affitor_click_id";
  const OLD_CLICK_ID = "customer_code";
  const HISTORY = "affitor_click_ids";
  const LANDING = "affitor_aff_url";
  const HISTORY_LENGTH = 20;
  const DAYS_UNTIL_TOLD = 60;

  const log = (...what) => debugMode && console.log("[affitor]", ...what);

  // Cookies.

  const read = (name) => {
    const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
    return found ? found.slice(name.length + 1) : null;
  };

  // Old scripts wrote some values as they are.
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

  // The widest domain that takes a cookie, so that shop.example and www.shop.example share it; none for localhost and
  // addresses.
  const cookieDomain = (() => {
    const told = option("cookie-domain");
    if (told) return told;
    const host = location.hostname;
    if (!host.includes(".") || /^[\d.]+$/.test(host) || host.includes(":")) return null;
    const parts = host.split(".");
    for (let count = 2; count <= parts.length; count++) {
      const domain = parts.slice(-count).join(".");
      write("affitor_probe", "1", 1, domain);
      const taken = read("affitor_probe") === "1";
      write("affitor_probe", "", -1, domain);
      if (taken) return domain;
    }
    return null;
  })();

  const isId = (text) => typeof text === "string" && /^[!#$&()*+\-./0-9:<=>?@A-Z[\]^_`a-z{}~]{1,128}$/.test(text);

  const getClickId = () => {
    const id = read(CLICK_ID);
    if (isId(id)) return id;
    const old = read(OLD_CLICK_ID);
    return isId(old) && old.startsWith("cust_") ? old : null;
  };

  const getHistory = () => decoded(read(HISTORY) ?? "").split("|").filter(isId).slice(-HISTORY_LENGTH);

  const getLanding = () => {
    const landing = read(LANDING);
    return landing ? decoded(landing) : null;
  };

  const keep = (clickId, landing, days) => {
    const history = [...getHistory().filter((id) => id !== clickId), clickId].slice(-HISTORY_LENGTH);
    write(CLICK_ID, clickId, days, cookieDomain);
    write(OLD_CLICK_ID, clickId, days, cookieDomain);
    write(HISTORY, encodeURIComponent(history.join("|")), days, cookieDomain);
    write(LANDING, encodeURIComponent(landing), days, cookieDomain);
  };

  const partnerOf = (url) => {
    try {
      return new URL(url).searchParams.get("aff") || null;
    } catch {
      return null;
    }
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

  // Calls. None of them throws: tracking is never the page's problem.

  const post = async (path, body) => {
    try {
      const answer = await fetch(api + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        credentials: "omit",
        keepalive: true,
      });
      // A proxy may answer something else than JSON.
      const said = await answer.json().catch(() => null);
      log(path, answer.status, said?.message ?? said?.error ?? "");
      return { ok: answer.ok && said?.success === true, status: answer.status, data: said };
    } catch (error) {
      log(path, String(error));
      return { ok: false, status: 0, data: null };
    }
  };

  // A sign-up that comes while a click is still on its way waits for it.
  let clicking = Promise.resolve();

  const trackClick = () => (clicking = click());

  const click = async () => {
    const landing = location.href;
    const answer = await post("/api/v1/track/click", {
      affiliate_url: landing,
      page_url: landing,
      page_title: document.title,
      referrer_url: document.referrer || null,
      session_id: sessionId,
      user_agent: navigator.userAgent,
      screen_resolution: `${screen.width}x${screen.height}`,
      viewport_size: `${innerWidth}x${innerHeight}`,
      language: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      existing_click_id: getClickId(),
      additional_data: { program_id: programId },
    });
    if (answer.ok && isId(answer.data.click_id)) {
      keep(answer.data.click_id, landing, answer.data.cookie_window_days || DAYS_UNTIL_TOLD);
    }
    return answer;
  };

  const signup = async (customerKey, email) => {
    await clicking;
    const clickId = getClickId();
    return post("/api/v1/track/lead", {
      click_id: clickId,
      customer_key: customerKey ?? null,
      email: email ?? null,
      session_id: sessionId,
      page_url: location.href,
      click_ids: getHistory(),
      program_id: programId,
      has_attribution: clickId !== null,
      debug_mode: debugMode,
    });
  };

  const trackLead = (lead) => signup(lead?.customer_key ?? lead?.user_id, lead?.email);

  const trackTest = (test) => post("/api/tracking/test", { program_id: programId, step_id: "pageview", ...test });

  const getData = () => {
    const clickId = getClickId();
    return { clickId, programId, hasAttribution: clickId !== null, affiliateUrl: getLanding() };
  };

  const init = () => {
    const partner = partnerOf(location.href);
    if (!partner) return;
    // The same partner's link again makes no new click; when it is not known whose the last one was, the service decides.
    if (getClickId() && partnerOf(getLanding()) === partner) {
      log("known click", getClickId());
      return;
    }
    trackClick();
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
    // For tests: when the click that is under way, if there is one, has been answered. Not of the documented script.
    settled: () => clicking,
    signup,
    trackClick,
    trackLead,
    trackTest,
  };

  init();

  // What was called before this script was there.
  const queueable = { signup, trackLead, trackClick, trackTest };
  const run = (entry) => {
    const [name, ...given] = Array.isArray(entry) ? entry : [];
    if (Object.hasOwn(queueable, name)) queueable[name](...given);
    else log("not a call", entry);
  };
  const waiting = Array.isArray(window.affitorQueue) ? window.affitorQueue : [];
  window.affitorQueue = { push: (...calls) => calls.forEach(run) };
  waiting.forEach(run);
})();
