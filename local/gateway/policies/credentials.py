"""validate-jwt and authentication-managed-identity."""

from datetime import timedelta

from local.gateway import tokens
from local.gateway.documents import Element
from local.gateway.exchange import Exchange, Jwt
from local.gateway.faults import GatewayError
from local.gateway.grammar import (
    Run,
    Site,
    attributes,
    boolean,
    literal,
    no_children,
    no_text,
    not_expression,
    one_of,
    ordered_children,
    whole_number,
)
from local.gateway.managed_identity import IdentityUnavailable

_JWT_CHILDREN = (
    "openid-config", "issuer-signing-keys", "decryption-keys", "audiences", "issuers", "required-claims",
)  # fmt: skip


def validate_jwt(element: Element, site: Site) -> Run:
    """Accept only a signed token of the right issuer, audience and time."""
    attributes(
        element,
        required=("header-name",),
        optional=(
            "failed-validation-httpcode",
            "require-expiration-time",
            "require-scheme",
            "require-signed-tokens",
            "clock-skew",
            "output-token-variable-name",
        ),
    )
    header = literal(element, "header-name")
    status = _status(element)
    scheme = literal(element, "require-scheme", "")
    variable = literal(element, "output-token-variable-name", "")
    expected = _expected(element)
    keys, clock = site.services.keys, site.services.clock

    async def run(exchange: Exchange) -> None:
        try:
            token = tokens.from_header(exchange.request.headers.joined(header), scheme=scheme)
            claims = await tokens.validate(token, expected, keys=keys, now=clock())
        except tokens.TokenRefused as refused:
            exchange.decided(refused.reason)
            raise GatewayError("validate-jwt", refused.reason, refused.message, status) from refused
        exchange.decided("valid")
        if variable:
            exchange.variables[variable] = Jwt(tokens.as_text(claims))

    return run


def _status(element: Element) -> int:
    if "failed-validation-httpcode" not in element.attributes:
        return 401
    return whole_number(element, "failed-validation-httpcode", minimum=400, maximum=599)


def _expected(element: Element) -> tokens.Expected:
    ordered_children(element, _JWT_CHILDREN, repeated=("openid-config",))
    if not boolean(element, "require-signed-tokens", default=True):
        raise element.refuse("tokens without a signature are not accepted here")
    for unused in ("issuer-signing-keys", "decryption-keys"):
        if found := [child for child in element.children if child.tag == unused]:
            raise found[0].refuse(f"<{unused}> is not supported: keys come from <openid-config>")
    urls = [child for child in element.children if child.tag == "openid-config"]
    if not urls:
        raise element.refuse("<validate-jwt> needs <openid-config>")
    for url in urls:
        # validate-connectivity: whether the address is tried when the policy is saved.
        attributes(url, required=("url",), optional=("validate-connectivity",))
        boolean(url, "validate-connectivity", default=True)
        no_children(url)
        no_text(url)
    audiences = _listed(element, "audiences", "audience")
    if not audiences:
        raise element.refuse("<validate-jwt> needs <audiences>")
    skew = whole_number(element, "clock-skew") if "clock-skew" in element.attributes else 0
    return tokens.Expected(
        configurations=tuple(literal(url, "url") for url in urls),
        audiences=audiences,
        issuers=_listed(element, "issuers", "issuer"),
        required_claims=_required_claims(element),
        expiration_required=boolean(element, "require-expiration-time", default=True),
        clock_skew=timedelta(seconds=skew),
    )


def _listed(element: Element, group: str, tag: str) -> tuple[str, ...]:
    groups = [child for child in element.children if child.tag == group]
    if not groups:
        return ()
    attributes(groups[0])
    ordered_children(groups[0], (tag,), repeated=(tag,))
    for child in groups[0].children:
        attributes(child)
        no_children(child)
        if not child.text:
            raise child.refuse(f"<{tag}> is empty")
    return tuple(not_expression(child, child.text, "the text") for child in groups[0].children)


def _required_claims(element: Element) -> tuple[tokens.RequiredClaim, ...]:
    groups = [child for child in element.children if child.tag == "required-claims"]
    if not groups:
        return ()
    attributes(groups[0])
    ordered_children(groups[0], ("claim",), repeated=("claim",))
    claims = []
    for claim in groups[0].children:
        attributes(claim, required=("name",), optional=("match", "separator"))
        ordered_children(claim, ("value",), repeated=("value",))
        claims.append(
            tokens.RequiredClaim(
                name=literal(claim, "name"),
                values=tuple(not_expression(each, each.text, "the text") for each in claim.children),
                match_all=one_of(claim, "match", ("all", "any"), default="all") == "all",
                separator=literal(claim, "separator", ""),
            )
        )
    return tuple(claims)


def managed_identity(element: Element, site: Site) -> Run:
    """Set Authorization to a token of the gateway's own identity."""
    attributes(element, required=("resource",))
    no_children(element)
    no_text(element)
    resource = literal(element, "resource")
    identity = site.services.identity

    async def run(exchange: Exchange) -> None:
        try:
            token = await identity.token(resource)
        except IdentityUnavailable as failed:
            # Neither the reason nor the text is documented for this policy.
            raise GatewayError(
                "authentication-managed-identity", "ManagedIdentityFailure", str(failed), 500
            ) from failed
        exchange.request.headers.replace("Authorization", [f"Bearer {token}"])
        exchange.decided(f"token for {resource}")

    return run
