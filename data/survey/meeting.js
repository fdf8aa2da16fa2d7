// What the form does beyond plain HTML: sources are put in order by hand, and what was typed survives a reload.

import { rankList } from "./rank_list.js";

const DRAFT = "sourcescout-meeting"; // one per phone: { page, fields }; gone once it was sent
const KEPT_BACK = "private_code"; // never in a draft
const CANNOT_JUDGE = "cannot judge";

const form = document.querySelector("#answer");
if (form) {
  restore(); // a draft is never older than what the page holds
  form.querySelectorAll("fieldset.order").forEach(rank);
  form.addEventListener("input", keep);
} else {
  memory((storage) => storage.removeItem(DRAFT));
}

// A phone may refuse to remember anything; the form works all the same.
function memory(use) {
  try {
    return use(window.localStorage);
  } catch {
    return null;
  }
}

function keep() {
  const data = new FormData(form);
  data.delete(KEPT_BACK);
  const fields = Object.fromEntries([...data.keys()].map((name) => [name, data.getAll(name)]));
  memory((storage) => storage.setItem(DRAFT, JSON.stringify({ page: location.pathname, fields })));
}

function restore() {
  const draft = memory((storage) => JSON.parse(storage.getItem(DRAFT)));
  if (draft?.page !== location.pathname) return;
  for (const control of form.querySelectorAll(`[name]:not([name="${KEPT_BACK}"])`)) {
    const values = draft.fields[control.name] ?? [];
    if (["checkbox", "radio"].includes(control.type)) control.checked = values.includes(control.value);
    else control.value = values[0] ?? "";
  }
}

// Put a list before the rows of a question. Its order is no answer until a person moved an entry or said that it is
// theirs: it begins as chance had it.
function rank(question) {
  const rows = [...question.querySelectorAll(".source")].map((element) => ({
    key: element.dataset.source,
    name: element.querySelector("b").textContent,
    place: element.querySelector("select"),
    cannot: element.querySelector(`input[value="${CANNOT_JUDGE}"]`),
    element,
  }));
  const said = document.createElement("p");
  said.className = "hint";
  said.setAttribute("aria-live", "polite");
  const agree = document.createElement("button");
  agree.type = "button";
  agree.className = "second";
  agree.textContent = "The list already is my order";
  const others = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = "Is there one that you cannot judge?";
  others.append(summary, ...rows.map((row) => row.element));
  others.open = rows.some((row) => row.cannot.checked);
  let list = document.createElement("ol");
  question.append(said, list, agree, others);
  question.classList.add("ranked");

  // `keys` are those on the list, the best first; `isSaid`: the order is a person's.
  const onList = rows.filter((row) => !row.cannot.checked);
  let isSaid = onList.length > 0 && onList.every((row) => row.place.value);
  let keys = onList.sort((one, other) => one.place.value - other.place.value).map((row) => row.key);

  const note = () => {
    for (const row of rows) row.place.value = isSaid && keys.includes(row.key) ? keys.indexOf(row.key) + 1 : "";
    agree.hidden = isSaid || !keys.length;
    said.textContent = isSaid
      ? "Best first. This is your order."
      : "Best first. The order is by chance until you change it: drag by the dots, or use the arrows.";
  };
  const sort = (sorted) => {
    keys = sorted;
    isSaid = true;
    note();
    keep();
  };
  const draw = () => {
    const fresh = document.createElement("ol");
    fresh.setAttribute("aria-label", question.querySelector("legend").textContent);
    list.replaceWith(fresh);
    list = fresh;
    rankList(list, keys.map((key) => ({ key, name: rows.find((row) => row.key === key).name })), sort);
    note();
  };

  agree.onclick = () => sort(keys);
  for (const row of rows) {
    row.cannot.onchange = () => {
      keys = keys.filter((key) => key !== row.key);
      if (!row.cannot.checked) {
        keys.push(row.key);
        isSaid = false; // its place is by chance
      }
      draw();
      keep();
    };
  }
  draw();
}
