/**
 * The service worker. It answers two kinds of requests: a page that can't be loaded, with the page that says so, and the form
 * of a phone's share menu. Everything else goes to the network as without it, and nothing but the page that says so is cached,
 * so that a new version of the site is there at once.
 */

import { type Code, LANGUAGES } from "../i18n/languages.ts";
import { FIELD } from "../lib/shareTarget.ts";
import { SharedFiles } from "./SharedFiles.ts";
import type { FetchEvent, WorkerScope } from "./scope.ts";
import { isShare, languageOf, offlinePage, sharedPage } from "./urls.ts";

const worker = self as unknown as WorkerScope;
const root = worker.registration.scope;
/** Caches are shared by all sites of a host, for example by those below other paths. */
const CACHE = `glimpse-offline ${root}`;
const shared = new SharedFiles();

worker.addEventListener("install", (event) => {
  // Without a route, requests of the page would wait for the worker to start.
  event.addRoutes?.({ condition: { not: { requestMode: "navigate" } }, source: "network" }).catch(() => undefined);
  event.waitUntil(cacheOfflinePages());
  worker.skipWaiting();
});

worker.addEventListener("activate", (event) => {
  // The request of a page does not wait for the worker to start either.
  event.waitUntil(Promise.all([worker.clients.claim(), worker.registration.navigationPreload?.enable()]));
});

worker.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  if (mode !== "navigate") {
    return;
  }
  if (method === "GET") {
    event.respondWith(load(event));
  } else if (method === "POST" && isShare(root, new URL(url))) {
    event.respondWith(takeShared(event));
  }
});

worker.addEventListener("message", ({ data, ports: [port] }) => port?.postMessage(shared.take(String(data))));

async function cacheOfflinePages(): Promise<void> {
  const cache = await caches.open(CACHE);
  const pages = (Object.keys(LANGUAGES) as Code[]).map((code) => offlinePage(root, code));
  // A page behind a login may be redirected to it.
  await cache.addAll(pages.map((url) => new Request(url, { cache: "reload", redirect: "error" })));
}

async function load({ request, preloadResponse }: FetchEvent): Promise<Response> {
  try {
    return (await preloadResponse) ?? (await fetch(request));
  } catch {
    const cache = await caches.open(CACHE);
    const page = await cache.match(offlinePage(root, languageOf(new URL(request.url), navigator.languages)));
    return page ?? Response.error();
  }
}

async function takeShared(event: FetchEvent): Promise<Response> {
  const { request } = event;
  const id = crypto.randomUUID();
  // A form without files, or one that can't be read, leads to the page as well.
  const form = await request.formData().catch(() => new FormData());
  const files = form.getAll(FIELD).filter((it) => it instanceof File);
  // The event lasts until the files are gone: meanwhile, neither idleness nor a newer worker ends this one.
  event.waitUntil(shared.keep(id, files));
  return Response.redirect(sharedPage(root, languageOf(new URL(request.url), navigator.languages), id), 303);
}
