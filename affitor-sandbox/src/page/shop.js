// Script of the test shop. It uses the tracker as an app's page would.
(() => {
  "use strict";

  const element = (id) => document.getElementById(id);
  const keep = (name, value) => (value ? sessionStorage.setItem(name, value) : sessionStorage.getItem(name));
  const show = () => {
    element("click-id").textContent = window.affitor.getClickId() ?? "none";
    element("user").textContent = keep("user") ?? "none";
  };

  const create = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  // Whether the call did what the shop wanted, which 200 alone does not say.
  const succeeded = (call) =>
    call.status === 200 && call.received?.success !== false && !String(call.received?.result ?? "").startsWith("ignored");

  const summary = ({ received }) =>
    received?.click_id ?? received?.message ?? received?.result ?? received?.error?.message ?? received?.error ?? received?.status ?? "";

  // Adds an entry for each call, newest first.
  const report = (what, calls) => {
    element("log-empty").hidden = true;
    for (const call of calls) {
      const ok = succeeded(call);
      const entry = create("li", ok ? "ok" : "bad");
      const line = create("p");
      // Without a path, the shop made no call.
      const status = call.status ?? (call.path ? "no response" : "");
      line.append(create("b", "", ok ? "✓ " : "✗ "), `${what}: ${status} ${summary(call)}`);
      entry.append(line);
      if (call.path) {
        const sent = create("details");
        sent.append(create("summary", "", `${call.method} ${call.path}`), create("pre", "", JSON.stringify(call.sent, null, 2)));
        entry.append(sent);
      }
      element("log").prepend(entry);
    }
    show();
  };

  const on = (id, what, act) =>
    element(id).addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await act(event.target, event.submitter);
      } catch (error) {
        report(what, [{ status: null, received: { message: String(error.message ?? error) } }]);
      }
    });

  const send = async (path, body) => {
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.json();
  };

  on("signup", "Sign-up", async (form) => {
    const key = keep("user") ?? `user_${Math.random().toString(36).slice(2, 8)}`;
    const { status, data } = await window.affitor.report(key, form.email.value);
    if (status === 200) keep("user", key);
    report(`Sign-up as ${key}`, [{ status: status || null, received: data ?? {} }]);
  });
  on("pay", "Payment", async (form, button) => {
    const renewal = button?.value === "renewal";
    const paid = await send("/_sandbox/shop/pay", {
      customer_key: keep("user"),
      click_id: window.affitor.getClickId(),
      renewal,
      track: form.track?.checked ?? false,
    });
    keep("payment", paid.payment);
    report(renewal ? "Renewal" : "Payment", paid.calls);
  });
  on("refund", "Refund", async () => {
    const payment = keep("payment");
    if (!payment) throw new Error("nothing has been paid yet");
    report("Refund", (await send("/_sandbox/shop/refund", { payment })).calls);
  });

  show();
  // The tracker's call may still be in progress when the page is shown.
  window.affitor.settled().then((clicked) => {
    show();
    if (clicked) report("Click", [{ status: clicked.status, received: clicked.data ?? {} }]);
  });
})();
