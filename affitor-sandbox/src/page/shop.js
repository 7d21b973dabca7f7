// The shop's page: what an app's own page would do with the tracker.
(() => {
  "use strict";

  const element = (id) => document.getElementById(id);
  const keep = (name, value) => (value ? sessionStorage.setItem(name, value) : sessionStorage.getItem(name));
  const show = () => {
    element("click-id").textContent = window.affitor.getClickId() ?? "none";
    element("user").textContent = keep("user") ?? "nobody";
  };
  const say = (what, status, answer) => {
    element("said").textContent = `${what}: ${status} ${answer.message ?? answer.error?.message ?? answer.error ?? answer.status ?? ""}`;
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
    const answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: answer.status, id: answer.headers.get("x-transaction-id"), said: await answer.json() };
  };

  on("signup", async (form) => {
    const key = keep("user") ?? `user_${Math.random().toString(36).slice(2, 8)}`;
    keep("user", key);
    const { status, data } = await window.affitor.signup(key, form.email.value);
    say("Sign-up", status, data ?? {});
  });
  on("pay", async () => {
    const paid = await send("/_sandbox/shop/pay", { customer_key: keep("user"), click_id: window.affitor.getClickId() });
    if (paid.status === 200) keep("payment", paid.id);
    say(`Payment ${paid.id}`, paid.status, paid.said);
  });
  on("refund", async () => {
    const id = keep("payment");
    if (!id) throw new Error("Nothing has been paid yet");
    const back = await send("/_sandbox/shop/refund", { transaction_id: id });
    say(`Refund of ${id}`, back.status, back.said);
  });

  show();
  // The click is on its way while the page is being shown.
  const waiting = setInterval(show, 200);
  setTimeout(() => clearInterval(waiting), 5000);
})();
