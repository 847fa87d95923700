"use strict";

// One page for the four services; the bar at the top switches. Requests go to this origin with its cookies.

const services = ["users", "tickets", "orders", "payments"];

window.ui = SwaggerUIBundle({
  dom_id: "#swagger-ui",
  urls: services.map((name) => ({ name, url: `/api/${name}/schema/` })),
  "urls.primaryName": "users",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "StandaloneLayout",
});
