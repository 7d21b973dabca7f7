// Writes vectors.json: signatures created and verified with the providers' own libraries.
//
//   npm install --no-save stripe@23.1.0 standardwebhooks@1.1.1 @paddle/paddle-node-sdk@3.10.0
//   node vectors.mjs > vectors.json
//
// Lemon Squeezy has no library for this: its documentation shows these lines of Node's crypto. Paddle's library can only verify,
// so its signatures are created as documented, and the library must accept them.
import { createHmac } from "node:crypto";
import assert from "node:assert";
import Stripe from "stripe";
import { Webhook } from "standardwebhooks";
import { Paddle } from "@paddle/paddle-node-sdk";

const NOW = 1_790_000_000;
const stripe = new Stripe("sk_test_0");
const paddle = new Paddle("pdl_0");
const rows = [];

// Sets the clock that the libraries read.
const realNow = Date.now;
const RealDate = Date;
const at = async (seconds, verify) => {
  globalThis.Date = class extends RealDate {
    constructor(...args) {
      args.length ? super(...args) : super(seconds * 1000);
    }
    static now() {
      return seconds * 1000;
    }
  };
  try {
    return await verify();
  } catch {
    return false;
  } finally {
    globalThis.Date = RealDate;
    Date.now = realNow;
  }
};

// `library`: whether the provider's library returns the same result ("agrees"), or is known to be "stricter" or "laxer".
const row = async (provider, name, expected, { secrets, headers, body, now = NOW, library = "agrees" }) => {
  const verifiers = {
    stripe: (secret) => !!stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret, 300),
    polar: (secret) => !!new Webhook(secret, { format: "raw" }).verify(body, headers),
    polar64: (secret) => !!new Webhook(secret).verify(body, headers),
    paddle: (secret) => paddle.webhooks.isSignatureValid(body, secret, headers["paddle-signature"]),
    lemon_squeezy: (secret) => createHmac("sha256", secret).update(body).digest("hex") === headers["x-signature"],
  };
  const kinds = provider === "polar" ? ["polar", "polar64"] : [provider];
  let valid = false;
  for (const secret of secrets) for (const kind of kinds) valid ||= await at(now, () => verifiers[kind](secret));
  if (library === "agrees") assert.equal(valid, expected === "ok", `${provider}: ${name}`);
  else assert.notEqual(valid, expected === "ok", `${provider}: ${name}: the library agrees after all`);
  rows.push({ provider, name, expected, library, secrets, headers, body, now });
};

const BODY = '{"id":"evt_1","type":"ping","data":{"object":{"name":"Zoë 🦀","amount":4900}}}';

// Stripe.
{
  const secret = "whsec_0123456789abcdef";
  const header = (options = {}) =>
    stripe.webhooks.generateTestHeaderString({ payload: BODY, secret, timestamp: NOW, ...options });
  const v1 = (options) => header(options).split("v1=")[1];
  const add = (name, expected, value, more = {}) =>
    row("stripe", name, expected, { secrets: [secret], headers: { "stripe-signature": value }, body: BODY, ...more });
  await add("signed by Stripe", "ok", header());
  await add("300 s old", "ok", header({ timestamp: NOW - 300 }));
  await add("301 s old", "outside_tolerance", header({ timestamp: NOW - 301 }));
  await add("a replay of a day ago", "outside_tolerance", header({ timestamp: NOW - 86_400 }));
  // Stripe's library accepts any time in the future.
  await add("301 s in the future", "outside_tolerance", header({ timestamp: NOW + 301 }), { library: "laxer" });
  await add("another secret", "wrong_signature", header({ secret: "whsec_other" }));
  await add("the secret without its prefix", "wrong_signature", header({ secret: "0123456789abcdef" }));
  await add("another body", "wrong_signature", header(), { body: BODY.replace("4900", "9900") });
  await add("a body with an extra line break", "wrong_signature", header(), { body: `${BODY}\n` });
  await add("the body serialized again", "wrong_signature", header(), { body: JSON.stringify(JSON.parse(BODY), null, 2) });
  await add("the time changed", "wrong_signature", header({ timestamp: NOW - 600 }).replace(/^t=\d+/, `t=${NOW}`));
  await add("two secrets, signed with the second", "ok", header(), { secrets: ["whsec_new", secret] });
  await add("two signatures, one valid", "ok", `t=${NOW},v1=${v1({ secret: "whsec_new" })},v1=${v1()}`);
  await add("v0 and v1", "ok", `t=${NOW},v0=${"0".repeat(64)},v1=${v1()}`);
  await add("only v0", "malformed_header", `t=${NOW},v0=${v1()}`);
  await add("no time", "malformed_header", `v1=${v1()}`);
  await add("no signature", "malformed_header", `t=${NOW}`);
  await add("an invalid time", "malformed_header", `t=soon,v1=${v1()}`);
  await add("half a signature", "wrong_signature", `t=${NOW},v1=${v1().slice(0, 32)}`);
  await add("an empty signature", "wrong_signature", `t=${NOW},v1=`);
  await add("empty", "malformed_header", "");
  await add("no header", "missing_header", undefined);
}

// Polar, with Standard Webhooks.
{
  const plain = "polar_whs_0123456789abcdef";
  const base64 = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
  const sign = (webhook, body = BODY, seconds = NOW, id = "msg_1") => ({
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": webhook.sign(id, new Date(seconds * 1000), body),
  });
  const raw = (secret) => new Webhook(secret, { format: "raw" });
  const add = (name, expected, headers, more = {}) =>
    row("polar", name, expected, { secrets: [plain], headers, body: BODY, ...more });
  const signed = sign(raw(plain));
  await add("a raw secret", "ok", signed);
  await add("a base64 secret", "ok", sign(new Webhook(base64)), { secrets: [base64] });
  await add("a raw secret that looks like base64", "ok", sign(raw(base64)), { secrets: [base64] });
  await add("two secrets", "ok", signed, { secrets: [base64, plain] });
  await add("another secret", "wrong_signature", sign(raw("polar_whs_other")));
  await add("another body", "wrong_signature", signed, { body: BODY.replace("4900", "9900") });
  await add("another id", "wrong_signature", { ...signed, "webhook-id": "msg_2" });
  await add("300 s old", "ok", sign(raw(plain), BODY, NOW - 300));
  await add("301 s old", "outside_tolerance", sign(raw(plain), BODY, NOW - 301));
  await add("301 s in the future", "outside_tolerance", sign(raw(plain), BODY, NOW + 301));
  const signature = signed["webhook-signature"];
  await add("two signatures", "ok", { ...signed, "webhook-signature": `v1,${"A".repeat(43)}= ${signature}` });
  await add("only v1a", "wrong_signature", { ...signed, "webhook-signature": signature.replace("v1,", "v1a,") });
  await add("no id", "missing_header", { ...signed, "webhook-id": undefined });
  await add("no time", "missing_header", { ...signed, "webhook-timestamp": undefined });
  await add("an invalid time", "malformed_header", { ...signed, "webhook-timestamp": "soon" });
}

// Paddle.
{
  const secret = "pdl_ntfset_0123456789abcdef";
  const h1 = (seconds = NOW, body = BODY, key = secret) =>
    createHmac("sha256", key).update(`${seconds}:${body}`).digest("hex");
  const add = (name, expected, value, more = {}) =>
    row("paddle", name, expected, { secrets: [secret], headers: { "paddle-signature": value }, body: BODY, ...more });
  await add("signed by Paddle", "ok", `ts=${NOW};h1=${h1()}`);
  await add("300 s old", "ok", `ts=${NOW - 300};h1=${h1(NOW - 300)}`, { library: "stricter" });
  await add("301 s old", "outside_tolerance", `ts=${NOW - 301};h1=${h1(NOW - 301)}`);
  await add("another secret", "wrong_signature", `ts=${NOW};h1=${h1(NOW, BODY, "pdl_ntfset_other")}`);
  await add("another body", "wrong_signature", `ts=${NOW};h1=${h1()}`, { body: BODY.replace("4900", "9900") });
  // The library checks only the last signature, although its documentation allows several.
  await add("two signatures, the last valid", "ok", `ts=${NOW};h1=${"0".repeat(64)};h1=${h1()}`);
  await add("two signatures, the first valid", "ok", `ts=${NOW};h1=${h1()};h1=${"0".repeat(64)}`, { library: "stricter" });
  await add("with commas", "malformed_header", `ts=${NOW},h1=${h1()}`);
  await add("no time", "malformed_header", `h1=${h1()}`);
}

// Lemon Squeezy.
{
  const secret = "a signing secret";
  const sign = (body = BODY, key = secret) => createHmac("sha256", key).update(body).digest("hex");
  const add = (name, expected, value, more = {}) =>
    row("lemon_squeezy", name, expected, { secrets: [secret], headers: { "x-signature": value }, body: BODY, ...more });
  await add("signed by Lemon Squeezy", "ok", sign());
  await add("a day later: the scheme has no time", "ok", sign(), { now: NOW + 86_400 });
  await add("in upper case", "ok", sign().toUpperCase(), { library: "stricter" });
  await add("another secret", "wrong_signature", sign(BODY, "another"));
  await add("another body", "wrong_signature", sign(), { body: BODY.replace("4900", "9900") });
  await add("not hexadecimal", "malformed_header", "sha256=yes");
  await add("empty", "wrong_signature", "");
  await add("no header", "missing_header", undefined);
}

console.log(JSON.stringify(rows, null, 1));
