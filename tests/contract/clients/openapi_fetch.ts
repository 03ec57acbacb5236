// Pages through a year and follows changes with openapi-fetch; prints what it read as JSON.
import createClient from "openapi-fetch";

import type { components, paths } from "./openapi_fetch/schema.js";

const client = createClient<paths>({
  baseUrl: process.env.API,
  headers: { Authorization: `Bearer ${process.env.TOKEN}`, "Ocp-Apim-Subscription-Key": process.env.KEY },
});
const thousandths = (quantity: number | null) => Math.round((quantity ?? 0) * 1000);

const values: components["schemas"]["Value"][] = [];
for (let cursor: string | undefined; ; ) {
  const query = { from: "2025-04-01", to: "2026-04-01", limit: 10, cursor };
  const { data, error } = await client.GET("/consumption", { params: { query } });
  if (error) throw new Error("detail" in error ? error.detail : "refused");
  for (const part of data.series ?? []) values.push(...(part.values ?? []));
  if (data.nextCursor === null) break;
  cursor = data.nextCursor;
}

const days: components["schemas"]["ChangedDay"][] = [];
for (let query: { since?: string; cursor?: string; limit: number } = { since: "2026-01-01", limit: 7 }; ; ) {
  const { data, error } = await client.GET("/changes", { params: { query } });
  if (error) throw new Error("detail" in error ? error.detail : "refused");
  days.push(...data.days);
  if (data.upToDate) break;
  query = { cursor: data.cursor, limit: 7 };
}

const listed = await client.GET("/metering-points");
const customers = listed.data?.meteringPoints.map((point) => point.customerNumber) ?? [];

console.log(
  JSON.stringify({
    values: values.length,
    thousandths: values.reduce((sum, value) => sum + thousandths(value.quantity), 0),
    qualities: [...new Set(values.map((value) => value.quality))].sort(),
    resolutions: [...new Set(days.map((day) => day.resolution))].sort(),
    days: days.length,
    changed: days.flatMap((day) => day.quantities).reduce<number>((sum, each) => sum + thousandths(each), 0),
    sequence: Math.max(...days.map((day) => day.sequence)),
    customers,
  }),
);
