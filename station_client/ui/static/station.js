// What the pages do beyond plain HTML: keys, item search, lines of lists, drafts, the lamp.
// Nothing of a person is kept in the browser: drafts go to the program's memory, over our own origin.
"use strict";

const csrf = document.querySelector('meta[name="csrf-token"]')?.content;
const entry = document.getElementById("entry");
const isOpen = document.body.hasAttribute("data-open");

function post(url, body) {
  body.set("csrf_token", csrf);
  return fetch(url, { method: "POST", body, redirect: "manual" });
}

// ---- Keys ---------------------------------------------------------------------------------------

const FIELDS = "input:not([type=hidden]), select, textarea, summary, [data-add-line]";

// Boxes to tick are one stop for Enter, and Tab walks through them. A part that is open needs none.
function isStop(element) {
  return element.getClientRects().length > 0 && !element.matches(".ticks label + label input, [open] > summary");
}

function goToNext(from) {
  const stops = [...entry.querySelectorAll(FIELDS)].filter(isStop);
  const here = from.closest(".ticks")?.querySelector("input") || from;
  const isBehind = (stop) => here.compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING;
  const next = stops.find(isBehind) || entry.querySelector(".save-end button");
  next.focus();
  if (next.select) next.select();
}

function pickOption(select, digit) {
  const options = [...select.options].filter((option) => option.value);
  if (!options[digit - 1]) return false;
  select.value = options[digit - 1].value;
  select.dispatchEvent(new Event("input", { bubbles: true }));
  return true;
}

function click(selector) {
  const target = document.querySelector(selector);
  if (target) target.click();
  return target !== null;
}

function pressedInForm(event) {
  const at = event.target;
  if (event.key === "Enter" && at.matches("input, select") && !event.ctrlKey) {
    goToNext(at);
    return true;
  }
  if (event.key === "Enter" && at.matches("summary")) {
    at.parentElement.open = true; // a part that Enter came to is gone into, not closed again
    goToNext(at);
    return true;
  }
  if (event.altKey && event.key.toLowerCase() === "a") return addLineNear(at);
  if (event.altKey && event.key.toLowerCase() === "d") return removeLineOf(at);
  return at.matches("select") && /^[1-9]$/.test(event.key) && pickOption(at, Number(event.key));
}

function pressed(event) {
  if (event.isComposing) return false; // the input method's own keys
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    click("[data-save]");
    return true;
  }
  if (event.key === "Escape") return click("[data-back]");
  if (/^F\d+$/.test(event.key) && !event.ctrlKey && !event.altKey && !event.shiftKey) {
    return click(`main [data-key="${event.key}"]`) || click(`header [data-key="${event.key}"]`);
  }
  if (entry && entry.contains(event.target)) return pressedInForm(event);
  if (/^[1-9]$/.test(event.key) && !event.target.matches("input:not([type=radio]), textarea, select")) {
    return click(`[data-choose="${event.key}"]`);
  }
  return walkRows(event);
}

function walkRows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target.matches("input, select, textarea")) return false;
  const links = [...document.querySelectorAll("[data-rows] a[data-row]")];
  if (!links.length) return false;
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (!event.defaultPrevented && pressed(event)) event.preventDefault();
});

for (const target of document.querySelectorAll("[data-focus-key]")) {
  target.addEventListener("click", () => document.querySelector(target.dataset.focusKey).focus());
}

for (const input of document.querySelectorAll("input[type=file]")) {
  // The browser's own button speaks the browser's language; ours speaks the desk's.
  input.addEventListener("change", () => {
    input.nextElementSibling.textContent = input.files.length ? input.files[0].name : "未选择文件";
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}

// ---- Lines of a list ----------------------------------------------------------------------------

// A line is named by the id that its element keeps for good.
function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

function addLine(id) {
  const template = document.getElementById(`${id}-template`);
  const row = template.content.cloneNode(true);
  const name = newId();
  for (const element of row.querySelectorAll("[name], [id], [for]")) {
    for (const attribute of ["name", "id", "for", "aria-describedby"]) {
      const text = element.getAttribute(attribute);
      if (text) element.setAttribute(attribute, text.replace("/NEW/", `/${name}/`));
    }
    if (element.name === id) element.value = name;
  }
  const lines = document.getElementById(`${id}-lines`);
  lines.append(row);
  lines.lastElementChild.querySelector("input, select, textarea").focus();
  return true;
}

function addLineNear(element) {
  const list = element.closest(".value")?.querySelector("[data-add-line]");
  return Boolean(list) && addLine(list.dataset.addLine);
}

function removeLineOf(element) {
  const row = element.closest("[data-line]");
  if (!row) return false;
  const button = row.closest(".value").querySelector("[data-add-line]");
  if (row.nextElementSibling?.matches(".problem-line")) row.nextElementSibling.remove();
  row.remove();
  button.focus();
  saveDraftSoon();
  return true;
}

document.addEventListener("click", (event) => {
  const add = event.target.closest("[data-add-line]");
  if (add) addLine(add.dataset.addLine);
  else if (event.target.closest("[data-remove-line]")) removeLineOf(event.target);
});

// ---- What shall be begins as what is ------------------------------------------------------------

for (const input of document.querySelectorAll("[data-follows]")) {
  const source = document.getElementById(input.dataset.follows);
  let before = source.value;
  source.addEventListener("input", () => {
    if (input.value === before) input.value = source.value;
    before = source.value;
  });
}

// ---- Item search --------------------------------------------------------------------------------

function attachSearch(input) {
  const list = document.getElementById(input.getAttribute("aria-controls"));
  let items = [], at = -1, asked = 0;

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    at = -1;
  };
  const mark = (number) => {
    at = number;
    [...list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === at)));
    if (at < 0) return;
    input.setAttribute("aria-activedescendant", list.children[at].id);
    list.children[at].scrollIntoView({ block: "nearest" });
  };
  const pick = (number) => {
    for (const target of entry.querySelectorAll("[data-item]")) {
      const text = items[number][target.dataset.item];
      if (text !== undefined && text !== "") target.value = text;
    }
    close();
    saveDraftSoon();
  };
  const show = (found) => {
    items = found;
    list.replaceChildren(...found.map((item, index) => {
      const row = document.createElement("li");
      const more = document.createElement("small");
      row.id = `${list.id}-${index}`;
      row.setAttribute("role", "option");
      more.textContent = item.about;
      row.append(item.item_name, more);
      row.addEventListener("mousedown", (event) => { event.preventDefault(); pick(index); });
      return row;
    }));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    mark(found.length ? 0 : -1);
  };
  const search = async () => {
    const number = ++asked;
    const text = input.value.trim();
    if (!text) return close();
    const answer = await fetch(`${input.dataset.search}?q=${encodeURIComponent(text)}`);
    if (answer.ok && number === asked && document.activeElement === input) show(await answer.json());
  };

  input.addEventListener("input", search);
  input.addEventListener("blur", () => { asked++; close(); });
  input.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    if (event.key === "ArrowDown") mark(Math.min(at + 1, items.length - 1));
    else if (event.key === "ArrowUp") mark(Math.max(at - 1, 0));
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" && at >= 0) { pick(at); goToNext(input); }
    else return;
    event.preventDefault();
  });
}

document.querySelectorAll("[data-search]").forEach(attachSearch);

// ---- Drafts -------------------------------------------------------------------------------------

let draftTimer = 0, isSending = false;

async function saveDraft() {
  if (isSending) return;
  const body = new FormData(entry);
  body.set("draft_path", entry.dataset.path);
  await post(entry.dataset.draft, body).catch(() => undefined); // the program ended: nothing to keep it in
}

function saveDraftSoon() {
  if (!entry || !entry.dataset.draft) return;
  clearTimeout(draftTimer);
  draftTimer = setTimeout(saveDraft, 500);
}

if (entry) {
  entry.addEventListener("input", saveDraftSoon);
  entry.addEventListener("submit", (event) => {
    if (isSending) event.preventDefault(); // a second press of the key
    isSending = true;
    clearTimeout(draftTimer);
  });
  for (const back of document.querySelectorAll("[data-back]")) {
    back.addEventListener("click", async (event) => {
      if (!draftTimer || !back.href) return;
      event.preventDefault();
      clearTimeout(draftTimer);
      await saveDraft();
      location.assign(back.href);
    });
  }
}

// ---- The lamp, and the lock behind it -----------------------------------------------------------

async function look() {
  const lamp = document.getElementById("lamp");
  const answer = await fetch(lamp.dataset.url).catch(() => null);
  if (!answer || !answer.ok) return;
  const { colour, words, is_locked: isLocked } = await answer.json();
  if (isLocked) {
    location.assign(`/unlock?next=${encodeURIComponent(location.pathname)}`);
    return;
  }
  lamp.className = `lamp ${colour}`;
  const place = document.getElementById("lamp-words");
  if (place.textContent !== words) place.textContent = words; // else it would be read out each time
}

if (isOpen) setInterval(look, 10_000);

// ---- A long task on its own page ----------------------------------------------------------------

const progress = document.querySelector("progress[data-url]");

async function follow() {
  const answer = await fetch(progress.dataset.url).catch(() => null);
  if (answer && answer.ok) {
    const { done, total, finished, is_locked: isLocked } = await answer.json();
    if (finished || isLocked) { location.reload(); return; }
    if (total) { progress.max = total; progress.value = done; }
    document.getElementById("progress-words").textContent = total ? `${done} / ${total} 行` : `${done} 行`;
  }
  setTimeout(follow, 700);
}

if (progress) follow();
