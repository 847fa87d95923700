"use strict";

// Asks each service's health through the gateway, now and every five seconds while the page is seen.

const rows = document.querySelectorAll("tr[data-service]");

async function ask(row) {
  const cell = row.querySelector(".state");
  let ready = false;
  try {
    const answer = await fetch(`/status/${row.dataset.service}`, { cache: "no-store", credentials: "omit" });
    ready = answer.ok;
  } catch {
    ready = false;
  }
  cell.textContent = ready ? "ready" : "away";
  cell.className = `state ${ready ? "ready" : "away"}`;
}

function askAll() {
  if (!document.hidden) rows.forEach(ask);
}

askAll();
setInterval(askAll, 5000);
document.addEventListener("visibilitychange", askAll);
