"use strict";
// What makes the public pages better where there is JavaScript: the figure moves by itself, the ranking is searched and
// sorted as one types. Without it the same is had by loading the page.
(() => {
  const lang = document.documentElement.lang;
  const main = document.querySelector("main[data-events]");
  document.documentElement.classList.add("js");

  // As crates/http/src/public_pages/format.rs writes them.
  const digits = new Intl.NumberFormat(lang === "vi" ? "vi-VN" : "en-GB", { useGrouping: true });
  const number = (value) => (value < 0 ? "\u2212" : "") + digits.format(Math.abs(value));
  const percent = (part, whole) => {
    const point = lang === "vi" ? "," : ".";
    const tenths = Math.trunc((part * 1000) / whole);
    if (part === 0) return "0%";
    if (tenths === 0 && part > 0) return `<0${point}1%`;
    const size = Math.abs(tenths);
    return `${tenths < 0 ? "\u2212" : ""}${digits.format(Math.trunc(size / 10))}${point}${size % 10}%`;
  };
  const instant = (text) => {
    const local = new Date(Date.parse(text) + 7 * 3600 * 1000).toISOString();
    const [year, month, day, time] = [local.slice(0, 4), local.slice(5, 7), local.slice(8, 10), local.slice(11, 16)];
    if (lang === "vi") return `${time} ngày ${day}/${month}/${year} (giờ Việt Nam)`;
    const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    return `${Number(day)} ${months[Number(month) - 1]} ${year}, ${time} (Viet Nam time, UTC+7)`;
  };

  const show = (news) => {
    const target = Number(main.dataset.target);
    const texts = { reported: number(news.reported), verified: number(news.verified), updated: instant(news.as_of) };
    if (target > 0) {
      texts.reported_percent = percent(news.reported, target);
      texts.verified_percent = percent(news.verified, target);
    }
    for (const place of main.querySelectorAll("[data-live]")) {
      const text = texts[place.dataset.live];
      if (text !== undefined && place.textContent !== text) place.textContent = text;
      if (place.dataset.live === "updated") place.dateTime = news.as_of;
    }
    const bars = main.querySelectorAll(".gauge .bar i");
    // Above the target the bar's marks move too; they do so when the page is loaded.
    if (bars.length === 2 && target > 0 && news.reported <= target) {
      const verified = Math.min(Math.max(news.verified, 0), Math.max(news.reported, 0));
      bars[0].style.width = `${(verified / target) * 100}%`;
      bars[1].style.width = `${((Math.max(news.reported, 0) - verified) / target) * 100}%`;
    }
    const fresh = main.querySelector("[data-fresh]");
    if (fresh) fresh.hidden = String(news.ledger_seq) === main.dataset.seq;
  };

  if (main && "EventSource" in window) {
    let source = null;
    const listen = () => {
      source = new EventSource(main.dataset.events);
      source.addEventListener("progress", (event) => show(JSON.parse(event.data)));
      // A refusal (503 when too many listen) isn't tried again by the browser itself.
      source.addEventListener("error", () => {
        if (source && source.readyState === EventSource.CLOSED) setTimeout(() => source && listen(), 30000);
      });
    };
    const stop = () => {
      if (source) source.close();
      source = null;
    };
    // Nobody looks at a hidden tab, and there are only so many places to listen.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) stop();
      else if (!source) listen();
    });
    if (!document.hidden) listen();
  }

  const form = document.querySelector("form.find");
  const body = document.querySelector("table.units tbody");
  if (!form || !body) return;
  // As crates/domain/src/text.rs folds.
  const fold = (text) =>
    text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/g, "d").replace(/[’‘ʼ`]/g, "'").toLowerCase().replace(/\s+/g, " ").trim();
  const found = document.querySelector(".found [role=status]");
  const silent = document.querySelector(".silent");
  const search = () => {
    const wanted = fold(form.elements.q.value);
    let count = 0;
    for (const unit of document.querySelectorAll("[data-find]")) {
      unit.hidden = !unit.dataset.find.includes(wanted);
      if (!unit.hidden) count += 1;
    }
    if (silent) silent.hidden = !silent.querySelector("li:not([hidden])");
    found.textContent = wanted ? form.dataset.found.replace("{n}", String(count)) : "";
    const all = document.querySelector(".found a");
    if (all) all.hidden = !wanted;
  };
  const sort = () => {
    const by = form.elements.sort.value;
    const way = by === "name" ? 1 : -1;
    const rows = [...body.rows];
    rows.sort((a, b) => way * (Number(a.dataset[by]) - Number(b.dataset[by])) || Number(a.cells[0].textContent) - Number(b.cells[0].textContent));
    body.append(...rows);
  };
  form.elements.q.addEventListener("input", search);
  form.elements.sort.addEventListener("change", sort);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
})();
