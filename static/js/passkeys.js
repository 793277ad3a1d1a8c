/* Passkeys: asks the browser for one, and sends what it says with the form. */
(() => {
  "use strict";

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const credentials = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const create = async (options) => {
    const asked = options.publicKey;
    const made = await navigator.credentials.create({ publicKey: {
      ...asked,
      challenge: bytes(asked.challenge),
      user: { ...asked.user, id: bytes(asked.user.id) },
      excludeCredentials: credentials(asked.excludeCredentials),
    } });
    return {
      response: {
        attestationObject: text(made.response.attestationObject),
        clientDataJSON: text(made.response.clientDataJSON),
        transports: made.response.getTransports ? made.response.getTransports() : [],
      },
      made,
    };
  };

  const get = async (options) => {
    const asked = options.publicKey;
    const made = await navigator.credentials.get({ publicKey: {
      ...asked,
      challenge: bytes(asked.challenge),
      allowCredentials: credentials(asked.allowCredentials),
    } });
    return {
      response: {
        authenticatorData: text(made.response.authenticatorData),
        clientDataJSON: text(made.response.clientDataJSON),
        signature: text(made.response.signature),
        userHandle: made.response.userHandle ? text(made.response.userHandle) : null,
      },
      made,
    };
  };

  const optionsOf = async (form) => {
    if (form.dataset.options) return JSON.parse(form.dataset.options);
    const answer = await fetch(form.dataset.optionsAt, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("The server does not answer. Try again.");
    return (await answer.json()).request_options;
  };

  const said = (error) => {
    if (error.name === "NotAllowedError") return "Nothing was chosen, or it took too long. Try again.";
    if (error.name === "InvalidStateError") return "This device has a passkey for your account already.";
    if (error.name === "SecurityError") return "Passkeys work at a host name with HTTPS, and at localhost.";
    return error.message;
  };

  const ask = async (form) => {
    const place = form.querySelector("[data-passkey-error]");
    place.hidden = true;
    try {
      const { made, response } = await (form.dataset.passkey === "create" ? create : get)(await optionsOf(form));
      form.elements.credential.value = JSON.stringify({
        id: made.id,
        rawId: text(made.rawId),
        type: made.type,
        authenticatorAttachment: made.authenticatorAttachment,
        clientExtensionResults: made.getClientExtensionResults(),
        response,
      });
      form.submit();
    } catch (error) {
      place.querySelector("span").textContent = said(error);
      place.hidden = false;
    }
  };

  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    if (!window.PublicKeyCredential) return;
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
  });
})();
