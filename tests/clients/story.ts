// The README's walk-through with types of openapi-typescript: `node story.js BASE_URL API_KEY`; prints each outcome.
import createClient from "openapi-fetch";
import type { components, paths } from "./oncelink.js";

declare const process: { argv: string[] };
type Code = components["schemas"]["ClosedLinkOrErasedProblem"]["code"];

const [baseUrl = "", key = ""] = process.argv.slice(2);
const member = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });
const guest = createClient<paths>({ baseUrl });

function take<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error("the answer has no such value");
  return value;
}

const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

const types = take((await member.GET("/v1/meeting-types")).data).items;
const link = take(
  (await member.POST("/v1/links", { body: { name: "Intro for Acme", meeting_type_id: take(types[0]).id } })).data,
);
const issued = take(
  (await member.POST("/v1/links/{id}/single-use", { params: { path: { id: link.id } }, body: { count: 2 } })).data,
).items;
const [code, spare] = issued.map((one) => take(one.code)) as [string, string];
const query = { from: day(1), to: day(14), time_zone: "Europe/Berlin" };
const { slots } = take((await guest.GET("/v1/book/{code}/slots", { params: { path: { code }, query } })).data);

const body = {
  start: take(slots[3]).start,
  guest: { name: "Grace", email: "grace@acme.example", time_zone: "Europe/Berlin" },
};
const book = (requestKey: string) =>
  guest.POST("/v1/book/{code}", { params: { path: { code }, header: { "Idempotency-Key": requestKey } }, body });
const requestKey = crypto.randomUUID();
const booked = await book(requestKey);
console.log(booked.response.status);
const used = await book(crypto.randomUUID());
const usedCode = take(used.error).code as Code;
console.log(used.response.status, usedCode);
const again = await book(requestKey);
const isSame = JSON.stringify(again.data) === JSON.stringify(booked.data) ? "True" : "False";
console.log(again.response.status, again.response.headers.get("Idempotent-Replayed"), isSame);

const manageCode = take(take(booked.data).manage_url.split("/").pop());
const moved = await guest.POST("/v1/manage/{code}/reschedule", {
  params: { path: { code: manageCode } },
  body: { start: take(slots[9]).start },
});
console.log(take(moved.data).booking.status);

const other = take(types[1]);
await member.PATCH("/v1/links/{id}", { params: { path: { id: link.id } }, body: { meeting_type_id: other.id } });
const offer = take((await guest.GET("/v1/book/{code}", { params: { path: { code: spare } } })).data);
console.log(offer.meeting_type.name === other.name ? "True" : "False");
const unknown = await guest.GET("/v1/book/{code}", { params: { path: { code: "nothing" } } });
console.log(take(unknown.error).code);

const position = Number(moved.response.headers.get("Oncelink-Position"));
const log = await member.GET("/v1/meeting-log", {
  params: { query: { link_id: link.id }, header: { "Oncelink-Min-Position": position } },
});
const page = take(log.data);
if (typeof page === "string") throw new Error("CSV was not asked for");
console.log(take(page.items[0]).link_type);
