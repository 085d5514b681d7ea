// The reference is whole without this. With it operations can be tried, and a link opens what it points to.
"use strict";
(() => {
  const open = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", open);
  open();

  const key = document.getElementById("key");
  const keyForm = document.getElementById("key-form");
  keyForm.hidden = false;
  keyForm.addEventListener("submit", (event) => event.preventDefault());
  for (const form of document.querySelectorAll("form.try")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }

  const send = async (form) => {
    const shown = form.querySelector(".answer");
    let path = form.dataset.path;
    const query = new URLSearchParams();
    const headers = {};
    const request = { method: form.dataset.method, headers, credentials: "omit" };
    for (const field of form.querySelectorAll("[data-place]")) {
      const value = field.value.trim();
      if (field.dataset.place === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(value));
      else if (field.dataset.place === "query") {
        for (const one of value ? value.split(",") : []) query.append(field.name, one.trim());
      } else if (value) {
        request.body = value;
        headers["content-type"] = "application/json";
      }
    }
    if (key.value.trim()) headers.authorization = `token ${key.value.trim()}`;
    const url = query.size ? `${path}?${query}` : path;
    shown.hidden = false;
    shown.textContent = "…";
    try {
      const answer = await fetch(url, request);
      let text = await answer.text();
      try {
        text = JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        // Shown as it came.
      }
      shown.textContent = `${answer.status} ${answer.statusText}\n${text}`;
    } catch (error) {
      shown.textContent = `No answer: ${error.message}`;
    }
  };
})();
