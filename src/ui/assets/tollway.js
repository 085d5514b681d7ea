// Pages work without this. With it they are live, copy at a click and count down.
"use strict";
(() => {
  const body = document.body;

  // Inside what was just put into the page: local times, buttons to copy.
  const enhance = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.getTime())) {
        time.title = time.textContent;
        time.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
      }
    }
    for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = false;
    for (const field of root.querySelectorAll("[data-file]")) field.hidden = false;
    for (const left of root.querySelectorAll("[data-left]")) {
      left.until = performance.now() + Number(left.dataset.left) * 1000;
    }
  };

  // Puts the live parts of a freshly fetched page in place of ours.
  let busy = false;
  let again = false;
  const refresh = async (url) => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const answer = await fetch(url || location.href, { headers: { accept: "text/html" } });
      if (answer.redirected) {
        // Signed out in the meantime.
        location.reload();
        return;
      }
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of document.querySelectorAll("[data-live]")) swap(part, page.getElementById(part.id));
        if (page.title !== document.title) {
          document.title = page.title;
          const said = document.getElementById("said");
          if (said) said.textContent = page.title;
        }
        body.dataset.mark = page.body.dataset.mark || "";
      }
    } catch {
      // Offline: the stream tells when we are back.
    }
    busy = false;
    if (again) {
      again = false;
      setTimeout(() => refresh(), 300);
    }
  };

  const swap = (part, fresh) => {
    if (!fresh || part.isEqualNode(fresh)) return;
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const key = focused && (focused.id ? "#" + CSS.escape(focused.id) : focused.dataset.copy && `[data-copy="${focused.dataset.copy}"]`);
    // The part itself stays: what is read aloud when it changes has to be there before.
    part.replaceChildren(...fresh.childNodes);
    enhance(part);
    if (key) part.querySelector(key)?.focus();
  };

  // News: the stream sends a mark of what is true now. A page in the background gives its stream back, because a
  // browser opens only six connections to a host; the first message after its return says what it has missed.
  let stream = null;
  let timer = 0;
  const listen = (url) => {
    stream?.close();
    stream = document.hidden ? null : new EventSource(url);
    if (!stream) return;
    stream.onmessage = (event) => {
      if (event.data !== body.dataset.mark) refresh();
    };
    stream.onerror = () => {
      // Refused for good (too many streams): look from time to time instead.
      if (stream.readyState === EventSource.CLOSED && !timer) timer = setInterval(() => refresh(), 10000);
    };
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) {
      const field = document.getElementById(button.dataset.copy);
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
      } catch {
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => {
        button.textContent = "Copy";
      }, 1500);
      return;
    }
    const link = event.target.closest("a[data-swap]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      history.replaceState(null, "", link.href);
      refresh(link.href);
    }
  });

  // A file is written into the field that a person would paste it into. A PSBT begins with these five bytes (BIP 174).
  document.addEventListener("change", async (event) => {
    const into = event.target.dataset?.into;
    const file = into && event.target.files[0];
    if (!file || file.size > 1000000) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    const text = String.fromCharCode(...bytes.subarray(0, 5)) === "psbt\xff"
      ? btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
      : new TextDecoder().decode(bytes).trim();
    document.getElementById(into).value = text;
  });

  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.(".copy input[readonly]")) event.target.select();
  });

  const count = () => {
    for (const left of document.querySelectorAll("[data-left]")) {
      const secs = Math.max(0, Math.round((left.until - performance.now()) / 1000));
      if (secs < 3600) left.textContent = `${Math.floor(secs / 60)}:${String(secs % 60).padStart(2, "0")}`;
      left.classList.toggle("soon", secs < 60);
    }
  };

  enhance(document);
  // What a form answered is the page itself: loaded again it asks for the page, and sends nothing twice.
  if (body.dataset.page && body.dataset.page !== location.pathname) history.replaceState(null, "", body.dataset.page + location.hash);
  // Loaded again, the page does not say once more that it was saved.
  if (location.search === "?saved") history.replaceState(null, "", location.pathname + location.hash);
  document.querySelector("form[data-submit]")?.submit();
  for (const here of document.querySelectorAll("nav [aria-current]")) {
    const nav = here.parentElement;
    nav.scrollLeft = here.offsetLeft - nav.offsetLeft - (nav.clientWidth - here.offsetWidth) / 2;
  }
  setInterval(count, 1000);
  if (body.dataset.events) {
    listen(body.dataset.events);
    document.addEventListener("visibilitychange", () => listen(body.dataset.events));
  }
})();
