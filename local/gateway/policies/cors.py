"""cors: which browser pages may call."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from local.gateway.documents import Element
from local.gateway.exchange import Exchange, Response
from local.gateway.grammar import (
    Run,
    Site,
    attributes,
    boolean,
    no_children,
    not_expression,
    ordered_children,
    whole_number,
)
from local.gateway.headers import Fields


@dataclass(frozen=True)
class Cors:
    """The settings of one cors element; runs as a policy and answers preflight requests."""

    origins: frozenset[str]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: int
    credentials: bool
    terminate: bool

    async def __call__(self, exchange: Exchange) -> Response | None:
        """Prepare CORS headers for the answer to a request with an allowed Origin."""
        origin = exchange.request.headers.joined("Origin")
        if origin is None:
            exchange.decided("no Origin")
            return None
        if not self._allows(origin):
            exchange.decided("origin not allowed")
            ends = self.terminate and exchange.request.method in ("GET", "HEAD")
            return Response(200) if ends else None
        exchange.decided("origin allowed")
        exchange.cors_headers = self._headers(origin)
        if self.exposed:
            exchange.cors_headers.add("Access-Control-Expose-Headers", ",".join(self.exposed))
        return None

    def preflight(self, request_headers: Fields) -> Response | None:
        """Return the answer to a preflight request that fits these settings, else None."""
        origin = request_headers.joined("Origin") or ""
        method = request_headers.joined("Access-Control-Request-Method") or ""
        requested = (request_headers.joined("Access-Control-Request-Headers") or "").lower().split(",")
        names = [name.strip() for name in requested if name.strip()]
        allowed_names = {name.lower() for name in self.headers}
        fits = (
            self._allows(origin)
            and ("*" in self.methods or method in self.methods)
            and ("*" in allowed_names or allowed_names.issuperset(names))
        )
        if not fits:
            return None
        headers = self._headers(origin)
        headers.add("Access-Control-Allow-Methods", ",".join(self.methods))
        headers.add("Access-Control-Allow-Headers", ",".join(self.headers))
        headers.add("Access-Control-Max-Age", str(self.max_age))
        return Response(200, headers)

    def _allows(self, origin: str) -> bool:
        return "*" in self.origins or _normal(origin) in self.origins

    def _headers(self, origin: str) -> Fields:
        headers = Fields([("Access-Control-Allow-Origin", origin)])
        if self.credentials:
            headers.add("Access-Control-Allow-Credentials", "true")
        return headers


def cors(element: Element, site: Site) -> Run:
    """Read a cors element."""
    attributes(element, optional=("allow-credentials", "terminate-unmatched-request"))
    ordered_children(element, ("allowed-origins", "allowed-methods", "allowed-headers", "expose-headers"))
    parts = {child.tag: child for child in element.children}
    for needed in ("allowed-origins", "allowed-headers"):
        if needed not in parts:
            raise element.refuse(f"<cors> needs <{needed}>")
    methods = parts.get("allowed-methods")
    if methods is not None:
        attributes(methods, optional=("preflight-result-max-age",))
    exposed = parts.get("expose-headers")
    return Cors(
        origins=frozenset(_normal(origin) for origin in _listed(parts["allowed-origins"], "origin")),
        methods=_listed(methods, "method") if methods is not None else ("GET", "POST"),
        headers=_listed(parts["allowed-headers"], "header"),
        exposed=_listed(exposed, "header") if exposed is not None else (),
        max_age=_max_age(methods),
        credentials=boolean(element, "allow-credentials", default=False),
        terminate=boolean(element, "terminate-unmatched-request", default=True),
    )


def _max_age(methods: Element | None) -> int:
    given = methods is not None and "preflight-result-max-age" in methods.attributes
    return whole_number(methods, "preflight-result-max-age") if given and methods is not None else 0


def _listed(element: Element, tag: str) -> tuple[str, ...]:
    if element.tag != "allowed-methods":
        attributes(element)
    ordered_children(element, (tag,), repeated=(tag,))
    if not element.children:
        raise element.refuse(f"<{element.tag}> needs at least one <{tag}>")
    found = []
    for child in element.children:
        attributes(child)
        no_children(child)
        found.append(not_expression(child, child.text, "the text"))
    return tuple(found)


def _normal(origin: str) -> str:
    """Return scheme, host and port; the port that a scheme implies is written out."""
    parts = urlsplit(origin.strip().lower())
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return origin
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname else origin
