"use strict";
// htmx follows the attributes of our own page as it was loaded. What comes later is text to it: it sends no form, takes
// no message without a name into the page, and gives no power to attributes in what it swapped in.
let started = false;
const limit = (name, refuses) => document.addEventListener(name, (event) => refuses(event) && event.preventDefault(), true);
limit("htmx:before:process", () => started || !(started = true));
limit("htmx:config:request", (event) => event.detail.ctx.request.method !== "GET");
limit("htmx:sse:before:message", (event) => !event.detail.message.event);
