"""Puts a gateway together from the files of `infra/apim`. Refuses what it does not understand."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from local.gateway import builder, documents, operations, products
from local.gateway.builder import Scope
from local.gateway.documents import Element
from local.gateway.exchange import Product, Subscription
from local.gateway.grammar import Refusals
from local.gateway.keysets import KeySets
from local.gateway.managed_identity import ManagedIdentity
from local.gateway.pipeline import Gateway
from local.gateway.services import Services

NAMED_VALUES = (
    "openid-config-url",
    "token-issuer",
    "api-audience",
    "function-app-url",
    "function-app-audience",
    "developer-portal-url",
)
"""The named values that the policies use; Bicep defines the same."""


@dataclass(frozen=True)
class Files:
    """Where the gateway's configuration lies."""

    policies: Path
    products: Path
    openapi: Path

    @classmethod
    def of_project(cls, root: Path) -> "Files":
        """Return the files that are deployed."""
        apim = root / "infra" / "apim"
        return cls(apim / "policies", apim / "products.json", apim / "openapi.json")


def assemble(
    files: Files,
    *,
    named_values: Mapping[str, str],
    subscriptions: Iterable[Subscription],
    services: Services,
) -> Gateway:
    """Return the gateway. Raises PolicyRefused, ProductsRefused or OpenApiRefused."""
    known = products.read(files.products)
    policies = _read_policies(files.policies, known, named_values)
    refusals = Refusals()
    shared = policies.fragments

    def effective(*scopes: Scope) -> builder.Pipeline:
        built = refusals.attempt(builder.build, scopes, fragments=shared, services=services)
        return built or {}

    everywhere, api = Scope("global", policies.everywhere), Scope("api", policies.api)
    gateway = Gateway(
        operations=operations.read(files.openapi),
        subscriptions=products.Subscriptions(subscriptions, products=known),
        products=known,
        everywhere=effective(everywhere),
        api=effective(everywhere, api),
        by_product={
            name: effective(everywhere, Scope("product", document), api)
            for name, document in policies.by_product.items()
        },
    )
    refusals.settle()
    return gateway


def connect(*, identity_endpoint: str, identity_header: str, clock: Callable[[], datetime]) -> Services:
    """Return the gateway's connections and counters."""
    http = httpx.AsyncClient(trust_env=False, timeout=10.0)
    return Services(
        clock=clock,
        http=http,
        keys=KeySets(http=http, clock=clock),
        identity=ManagedIdentity(endpoint=identity_endpoint, header=identity_header, http=http, clock=clock),
    )


@dataclass(frozen=True)
class _Policies:
    everywhere: Element
    api: Element
    by_product: Mapping[str, Element]
    fragments: Mapping[str, Element]


def _read_policies(folder: Path, known: Mapping[str, Product], named_values: Mapping[str, str]) -> _Policies:
    refusals = Refusals()

    def read(path: Path, placeholders: Mapping[str, str]) -> Element:
        root = refusals.attempt(documents.read, path, named_values=named_values, placeholders=placeholders)
        return root or Element("policies", {}, path, 0)

    policies = _Policies(
        everywhere=read(folder / "global.xml", {}),
        api=read(folder / "api.xml", {}),
        by_product={
            name: read(folder / "product.xml", products.placeholders(product))
            for name, product in known.items()
        },
        fragments={path.stem: read(path, {}) for path in sorted((folder / "fragments").glob("*.xml"))},
    )
    refusals.settle()
    return policies
