"use strict";
// The page of a mail's link. The token stands behind `#`, so no server has seen it; it is taken out of the address at
// once, so that it stays in no history.
(() => {
  const token = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.querySelector("form");
  const said = document.querySelector("output");
  const say = (text, good) => {
    said.textContent = text;
    said.className = good ? "good" : "bad";
  };
  if (!token) {
    form.hidden = true;
    say(form.dataset.missing, false);
    return;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const [password, again] = ["password", "again"].map((name) => form.elements[name].value);
    if (password !== again) {
      say(form.dataset.differ, false);
      return;
    }
    const body = { token, password };
    if (form.elements.username) {
      body.username = form.elements.username.value;
    }
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.to, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Accept-Language": document.documentElement.lang },
        body: JSON.stringify(body),
      });
      if (answer.ok) {
        form.hidden = true;
        say(form.dataset.done, true);
        return;
      }
      const problem = await answer.json();
      const faults = (problem.errors || []).map((fault) => fault.message);
      say([problem.title, ...faults.filter((text) => text !== problem.title), problem.detail].join(". "), false);
    } catch {
      say(form.dataset.away, false);
    }
    button.disabled = false;
  });
})();
