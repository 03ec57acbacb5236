/** Signatures of notices, as Standard Webhooks has them: HMAC-SHA256 of id, timestamp and body. */

const PREFIX = "whsec_";

/** Whether one of the signatures in the headers is the secret's. `body` is the text as it arrived. */
export async function isValid(secret, { headers, body }) {
  const key = await crypto.subtle.importKey(
    "raw",
    bytes(secret.replace(PREFIX, "")),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const signed = new TextEncoder().encode(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  for (const signature of headers["webhook-signature"].split(" ")) {
    const [version, value] = signature.split(",");
    if (version === "v1" && (await crypto.subtle.verify("HMAC", key, bytes(value), signed))) return true;
  }
  return false;
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
