"use strict";

// One page for all services; the bar at the top switches. Requests go to this origin with its cookies.

const documents = document.querySelector("#documents");
const urls = [...documents.querySelectorAll("li a")].map((link) => ({ name: link.textContent, url: link.getAttribute("href") }));
documents.hidden = true;

window.ui = SwaggerUIBundle({
  dom_id: "#swagger-ui",
  urls,
  "urls.primaryName": "users",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "StandaloneLayout",
});
