// Script of the test shop. It uses the tracker as an app's page would.
(() => {
  "use strict";

  const element = (id) => document.getElementById(id);
  const keep = (name, value) => (value ? sessionStorage.setItem(name, value) : sessionStorage.getItem(name));
  const show = () => {
    element("click-id").textContent = window.affitor.getClickId() ?? "none";
    element("user").textContent = keep("user") ?? "nobody";
  };
  const report = (what, status, body) => {
    element("said").textContent = `${what}: ${status} ${body.message ?? body.error?.message ?? body.error ?? body.status ?? ""}`;
    show();
  };
  const on = (id, act) =>
    element(id).addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await act(event.target);
      } catch (error) {
        element("said").textContent = String(error);
      }
    });

  const send = async (path, body) => {
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, id: response.headers.get("x-transaction-id"), body: await response.json() };
  };

  on("signup", async (form) => {
    const key = keep("user") ?? `user_${Math.random().toString(36).slice(2, 8)}`;
    keep("user", key);
    const { status, data } = await window.affitor.signup(key, form.email.value);
    report("Sign-up", status, data ?? {});
  });
  on("pay", async () => {
    const paid = await send("/_sandbox/shop/pay", { customer_key: keep("user"), click_id: window.affitor.getClickId() });
    if (paid.status === 200) keep("payment", paid.id);
    report(`Payment ${paid.id}`, paid.status, paid.body);
  });
  on("refund", async () => {
    const id = keep("payment");
    if (!id) throw new Error("Nothing has been paid yet");
    const refund = await send("/_sandbox/shop/refund", { transaction_id: id });
    report(`Refund of ${id}`, refund.status, refund.body);
  });

  show();
  // The tracker's call may still be in progress when the page is shown.
  const waiting = setInterval(show, 200);
  setTimeout(() => clearInterval(waiting), 5000);
})();
