"""The policies that this gateway knows, by element name."""

from local.gateway.grammar import Policy
from local.gateway.policies import answers, control, cors, credentials, forwarding, limiting, messages

KNOWN: dict[str, Policy] = {
    "authentication-managed-identity": Policy(credentials.managed_identity, sections=("inbound",)),
    "choose": Policy(control.choose),
    "cors": Policy(cors.cors, sections=("inbound",), once=True, first=True),
    "forward-request": Policy(forwarding.forward_request, sections=("backend",), once=True),
    "include-fragment": Policy(control.include_fragment),
    "quota": Policy(limiting.quota, sections=("inbound",), scopes=("product",), once=True),
    "rate-limit-by-key": Policy(limiting.rate_limit_by_key, sections=("inbound",)),
    "return-response": Policy(answers.return_response),
    "set-backend-service": Policy(forwarding.set_backend_service, sections=("inbound", "backend")),
    "set-body": Policy(messages.set_body, sections=("inbound",)),
    "set-header": Policy(messages.set_header),
    "set-query-parameter": Policy(messages.set_query_parameter, sections=("inbound", "backend")),
    "set-variable": Policy(control.set_variable),
    "validate-jwt": Policy(credentials.validate_jwt, sections=("inbound",)),
}
