"use strict";

// Shows the AsyncAPI document of the events: each channel, who speaks and who listens, and each message with its members.

const place = document.getElementById("channels");

function element(name, content = [], attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat());
  return made;
}

// Text in which `names` are written between backticks, and paragraphs apart by empty lines.
function prose(text) {
  return text.split("\n\n").map((paragraph) => element("p", inline(paragraph)));
}

function inline(text) {
  return text.split("`").map((part, at) => (at % 2 ? element("code", part) : part));
}

function lastStep(reference) {
  return reference.slice(reference.lastIndexOf("/") + 1);
}

function table(heads, rows) {
  const head = element("tr", heads.map((title) => element("th", title, { scope: "col" })));
  const body = rows.map((cells) => element("tr", cells.map((cell) => element("td", cell))));
  return element("div", element("table", [element("thead", head), element("tbody", body)]), { class: "wide" });
}

function typeOf(schema) {
  if (schema.$ref) return lastStep(schema.$ref);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  return schema.format ?? schema.type ?? "anything";
}

function presence(schema, name) {
  if (schema.required?.includes(name)) return "always";
  const member = schema.properties[name];
  return "default" in member ? `optional, else ${JSON.stringify(member.default)}` : "optional";
}

function members(schema) {
  const rows = Object.entries(schema.properties ?? {});
  return table(
    ["member", "type", "there"],
    rows.map(([name, member]) => [element("code", name), typeOf(member), presence(schema, name)]),
  );
}

function example(shown) {
  return element("details", [
    element("summary", "as it is on the wire"),
    element("pre", JSON.stringify(shown.payload, null, 2), { tabindex: "0" }),
  ]);
}

function message(model, channel, key, listeners) {
  const { name, summary, description, payload, examples } = model.components.messages[key];
  const data = payload.allOf[1].properties.data.$ref;
  return element("details", [
    element("summary", [
      element("code", name),
      element("span", inline(summary)),
      element("span", listeners.join(", ") || "nobody", { class: "heard" }),
    ]),
    ...(description ? prose(description) : []),
    members(model.components.schemas[lastStep(data)]),
    ...examples.map(example),
  ], { id: `${channel}/${key}`, class: "message" });
}

function operations(model, action, channel) {
  const all = Object.values(model.operations);
  return all.filter((one) => one.action === action && lastStep(one.channel.$ref) === channel);
}

function services(listed) {
  return listed.map((one) => one.tags[0].name).join(", ");
}

function purpose(operation) {
  return element("li", [element("b", `${services([operation])}: `), operation.description]);
}

function section(model, name) {
  const { description, messages } = model.channels[name];
  const hearing = operations(model, "receive", name);
  const hear = (key) => hearing.filter((one) => one.messages.some(({ $ref }) => lastStep($ref) === key));
  const heard = hearing.filter((one) => one.description);
  return element("section", [
    element("h2", element("a", name, { href: `#${name}` })),
    ...prose(description),
    element("p", [
      ...[element("b", "says: "), services(operations(model, "send", name)), " · "],
      ...[element("b", "hears: "), services(hearing)],
    ], { class: "who" }),
    element("ul", heard.map(purpose), { class: "why" }),
    ...Object.keys(messages).map((key) => message(model, name, key, hear(key).map((one) => one.tags[0].name))),
  ], { id: name });
}

function envelope(model) {
  const schema = model.components.schemas.Envelope;
  const about = [element("h2", element("a", "The envelope", { href: "#envelope" })), ...prose(schema.description)];
  return element("section", [...about, members(schema)], { id: "envelope" });
}

function overview(model) {
  const rows = Object.keys(model.channels).map((name) => [
    element("a", name, { href: `#${name}` }),
    services(operations(model, "send", name)),
    services(operations(model, "receive", name)),
  ]);
  return element("section", [element("h2", "Channels"), table(["channel", "says", "hears"], rows)]);
}

function openWhatTheAddressNames() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  if (named.tagName === "DETAILS") named.open = true;
  named.scrollIntoView();
}

function show(model) {
  document.getElementById("about").replaceWith(...prose(model.info.description));
  const sections = Object.keys(model.channels).map((name) => section(model, name));
  place.replaceChildren(overview(model), ...sections, envelope(model));
  openWhatTheAddressNames();
}

fetch("/api/docs/events.json", { credentials: "omit" })
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(show)
  .catch((error) => place.replaceChildren(element("p", `The document could not be read: ${error.message}.`)));
addEventListener("hashchange", openWhatTheAddressNames);
