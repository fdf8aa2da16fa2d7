// A list that people put in order: by dragging (mouse, pen or finger), by the buttons of an entry, or by the arrow keys.

const UP = -1;
const DOWN = 1;

// Fill `root`, an empty <ol>, with `items` ({key, name}, the best first). `onChange` gets all keys after each move.
export function rankList(root, items, onChange) {
  root.classList.add("rank-list");
  const entries = () => [...root.children];
  const keys = () => entries().map((entry) => entry.dataset.key);

  // What tells the place of an entry follows from where it stands.
  const describe = () => {
    const all = entries();
    all.forEach((entry, i) => {
      entry.setAttribute("aria-label", `${entry.dataset.name}: place ${i + 1} of ${all.length}`);
      const [up, down] = entry.querySelectorAll("button");
      up.setAttribute("aria-disabled", i === 0);
      down.setAttribute("aria-disabled", i === all.length - 1);
    });
  };
  const moved = () => {
    describe();
    onChange(keys());
  };
  const move = (entry, way, focused) => {
    const other = way === UP ? entry.previousElementSibling : entry.nextElementSibling;
    if (!other) return;
    root.insertBefore(entry, way === UP ? other : other.nextElementSibling);
    focused.focus(); // an element that moves in the page loses it
    moved();
  };

  for (const { key, name } of items) {
    const entry = document.createElement("li");
    entry.dataset.key = key;
    entry.dataset.name = name;
    entry.tabIndex = 0;
    const grip = document.createElement("span");
    grip.className = "grip";
    grip.setAttribute("aria-hidden", "true");
    const label = document.createElement("span");
    label.className = "name";
    label.textContent = name;
    entry.append(grip, label, button("up", UP), button("down", DOWN));
    entry.onkeydown = (event) => {
      const way = { ArrowUp: UP, ArrowDown: DOWN }[event.key];
      if (!way || event.target !== entry) return;
      event.preventDefault(); // no scrolling
      move(entry, way, entry);
    };
    entry.onpointerdown = (event) => {
      const byFinger = event.pointerType === "touch"; // which scrolls the page, except on the grip
      if (event.target.closest("button") || event.button !== 0 || (byFinger && event.target !== grip)) return;
      drag(entry, event.pointerId);
    };
    root.append(entry);

    function button(word, way) {
      const made = document.createElement("button");
      made.type = "button";
      made.className = word;
      made.setAttribute("aria-label", `Move ${name} ${word}`);
      made.onclick = () => move(entry, way, made);
      return made;
    }
  }
  describe();

  function drag(entry, pointer) {
    const before = keys().join();
    entry.classList.add("held");
    root.setPointerCapture(pointer); // of the list: an entry that moves in the page would lose it
    root.onpointermove = (event) => {
      if (event.pointerId !== pointer) return;
      const others = entries().filter((other) => other !== entry);
      const below = others.find((other) => event.clientY < middle(other)) ?? null;
      if (entry.nextElementSibling !== below) root.insertBefore(entry, below);
    };
    root.onlostpointercapture = () => {
      root.onpointermove = root.onlostpointercapture = null;
      entry.classList.remove("held");
      entry.focus();
      if (keys().join() !== before) moved();
    };
  }
}

function middle(element) {
  const box = element.getBoundingClientRect();
  return box.top + box.height / 2;
}
