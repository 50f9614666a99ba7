// This section's products come as JSON, some at a time.
const wall = document.querySelector("#wall");
const more = document.querySelector("button.more");
let loads = 0;

function figure({ url, title, price, picture }) {
  const made = document.createElement("figure");
  made.innerHTML = `<a class="piece"><img alt="" width="160" height="200" loading="lazy"></a>
    <figcaption><span></span><em></em></figcaption>`;
  made.querySelector("a").href = url;
  made.querySelector("img").src = picture;
  made.querySelector("span").textContent = title;
  made.querySelector("em").textContent = price;
  return made;
}

async function load() {
  more.disabled = true;
  const answer = await fetch(`/api${location.pathname}${++loads}`);
  const found = await answer.json();
  wall.append(...found.pieces.map(figure));
  more.disabled = false;
  more.hidden = !found.more;
}

more.addEventListener("click", load);
load();
