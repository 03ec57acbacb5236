// Pages through a year and follows changes with a client of @hey-api/openapi-ts; prints what it read as JSON.
import { client } from "./hey_api/client.gen.js";
import { listChanges, listConsumption, listMeteringPoints } from "./hey_api/sdk.gen.js";
import type { ChangedDay, Changes, ListChangesData, ListConsumptionData, ManySeries, Value } from "./hey_api/types.gen.js";

client.setConfig({
  baseUrl: process.env.API as `https://${string}`,
  auth: ({ type }) => (type === "http" ? process.env.TOKEN : process.env.KEY),
});
const thousandths = (quantity: number | null) => Math.round((quantity ?? 0) * 1000);

const values: Value[] = [];
for (let cursor: string | undefined; ; ) {
  const query: ListConsumptionData["query"] = { from: "2025-04-01", to: "2026-04-01", limit: 10, cursor };
  const { data }: { data: ManySeries } = await listConsumption({ query, throwOnError: true });
  for (const part of data.series ?? []) values.push(...(part.values ?? []));
  if (data.nextCursor === null) break;
  cursor = data.nextCursor;
}

const days: ChangedDay[] = [];
for (let query: ListChangesData["query"] = { since: "2026-01-01", limit: 7 }; ; ) {
  const { data }: { data: Changes } = await listChanges({ query, throwOnError: true });
  days.push(...data.days);
  if (data.upToDate) break;
  query = { cursor: data.cursor, limit: 7 };
}

const { data: listed } = await listMeteringPoints({ throwOnError: true });

console.log(
  JSON.stringify({
    values: values.length,
    thousandths: values.reduce((sum, value) => sum + thousandths(value.quantity), 0),
    qualities: [...new Set(values.map((value) => value.quality))].sort(),
    resolutions: [...new Set(days.map((day) => day.resolution))].sort(),
    days: days.length,
    changed: days.flatMap((day) => day.quantities).reduce<number>((sum, each) => sum + thousandths(each), 0),
    sequence: Number(days.map((day) => day.sequence).reduce((most, each) => (each > most ? each : most))),
    customers: listed.meteringPoints.map((point) => Number(point.customerNumber)),
  }),
);
