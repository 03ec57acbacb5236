"""This API over HTTP for measurements: `python -m bench.apparatus.served WAREHOUSE METERING_POINTS PORT`.

The route of the function app, with the access check, on a small HTTP server; grants and watermark are at
hand.
"""

import sys
from dataclasses import replace
from pathlib import Path

import azure.functions as func
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.apparatus import asking, stored


def app(warehouse: Path, *, points: int) -> Starlette:
    """Return the application: the consumption of one metering point, asked by its only caller."""
    module = asking.function_app(warehouse)

    async def consumption(request: Request) -> Response:
        point = request.path_params["metering_point_id"]
        module.services = services[point]
        forwarded = func.HttpRequest(
            method="GET",
            url=f"{asking.PUBLIC}{request.url.path}?{request.url.query}",
            headers=asking.HEADERS,
            params=dict(request.query_params),
            route_params={"meteringPointId": point},
            body=b"",
        )
        answer = await run_in_threadpool(module.consumption_of_one, forwarded, asking.CONTEXT)
        return Response(answer.get_body(), answer.status_code, media_type="application/json")

    services = {
        point: replace(
            module.services, grants=asking.Permitted([point]), publications=asking.Published(stored.END)
        )
        for point in stored.metering_points(points)
    }
    path = "/metering-points/{metering_point_id}/consumption"
    return Starlette(routes=[Route("/ready", lambda _: Response("ready")), Route(path, consumption)])


if __name__ == "__main__":
    uvicorn.run(app(Path(sys.argv[1]), points=int(sys.argv[2])), port=int(sys.argv[3]), log_level="warning")
