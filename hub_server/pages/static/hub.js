// Small comforts; every page works without them.
"use strict";

// A phrase button puts its words into the opinion it belongs to.
document.querySelectorAll("[data-phrase]").forEach((button) => {
  button.addEventListener("click", () => {
    const box = document.getElementById(button.dataset.into);
    box.value = button.dataset.phrase;
    box.focus();
  });
});

// The chosen file's name, in the language of the page.
document.querySelectorAll("[data-shown-in]").forEach((input) => {
  input.addEventListener("change", () => {
    document.getElementById(input.dataset.shownIn).textContent = input.files[0]?.name ?? "未选择";
  });
});

// One box ticks all of its list.
document.querySelectorAll("[data-tick-all]").forEach((all) => {
  all.hidden = false;
  all.addEventListener("change", () => {
    all.form.querySelectorAll(`[name="${all.dataset.tickAll}"]`).forEach((box) => { box.checked = all.checked; });
  });
});

document.querySelectorAll("[data-print]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
});

// A form is sent once, however often its button is pressed.
document.querySelectorAll("form[method=post]").forEach((form) => {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
});
window.addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
});
