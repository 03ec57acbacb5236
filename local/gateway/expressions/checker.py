"""Type-checks an expression and compiles it to a closure over the request."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from local.gateway.exchange import Exchange, Jwt
from local.gateway.expressions import dotnet, library, patterns, syntax
from local.gateway.expressions.dotnet import EvaluationError
from local.gateway.expressions.library import Kind, Method
from local.gateway.expressions.syntax import ExpressionRefused

Evaluate = Callable[[Exchange], Any]


@dataclass(frozen=True)
class Compiled:
    """An expression of a known type, ready to run."""

    kind: Kind
    evaluate: Evaluate
    reads_body: bool = False
    """The expression reads the request's body, which has to be loaded first."""


def compile_expression(source: str) -> Compiled:
    """Compile what stands between `@(` and `)`. Raises ExpressionRefused."""
    tree = syntax.parse(source)
    reads_body = any(isinstance(part, syntax.Member) and part.name == "As" for part in _parts(tree))
    return replace(_compile(tree), reads_body=reads_body)


def _parts(node: syntax.Node) -> Iterator[syntax.Node]:
    """Yield a node and all nodes below it."""
    yield node
    for value in vars(node).values():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, syntax.Node):
                yield from _parts(each)


def _compile(node: syntax.Node) -> Compiled:
    match node:
        case syntax.Literal():
            return _literal(node)
        case syntax.Name(text="context"):
            return Compiled(Kind.CONTEXT, lambda exchange: exchange)
        case syntax.Name(text=text):
            raise ExpressionRefused(f"'{text}' is not known")
        case syntax.Member():
            return _member(node)
        case syntax.Call():
            return _call(node)
        case syntax.Index():
            return _index(node)
        case syntax.New():
            return _new(node)
        case syntax.Cast():
            return _cast(node)
        case _:
            return _operation(node)


def _operation(node: syntax.Unary | syntax.Binary | syntax.Conditional) -> Compiled:
    if isinstance(node, syntax.Unary):
        return _not(_of_kind(node.operand, Kind.BOOL, "!"))
    if isinstance(node, syntax.Binary):
        return _binary(node)
    return _conditional(node)


def _literal(node: syntax.Literal) -> Compiled:
    value = node.value
    if node.is_character:
        kind = Kind.CHAR
    elif value is None:
        kind = Kind.NULL
    else:
        kind = {str: Kind.STRING, int: Kind.INT, bool: Kind.BOOL}[type(value)]
    return Compiled(kind, lambda _: value)


def _dotted(node: syntax.Node) -> str:
    """Return `A.B.C` for a chain of plain names, else an empty text."""
    if isinstance(node, syntax.Name):
        return node.text
    if isinstance(node, syntax.Member):
        before = _dotted(node.target)
        return f"{before}.{node.name}" if before else ""
    return ""


def _member(node: syntax.Member) -> Compiled:
    dotted = _dotted(node)
    if dotted in library.CONSTANTS:
        kind, value = library.CONSTANTS[dotted]
        return Compiled(kind, lambda _: value)
    target = _compile(node.target)
    found = library.PROPERTIES.get((target.kind, node.name))
    if found is None:
        raise ExpressionRefused(f"{target.kind} has no property '{node.name}' here")
    get, of = found.get, target.evaluate
    name = node.name

    def evaluate(exchange: Exchange) -> Any:
        return get(_not_null(of(exchange), name))

    return Compiled(found.kind, evaluate)


def _call(node: syntax.Call) -> Compiled:
    if not isinstance(node.target, syntax.Member):
        raise ExpressionRefused("only methods can be called")
    name, count = node.target.name, len(node.arguments)
    if node.of:
        return _body(node) if name == "As" else _variable_or_default(node)
    owner = node.target.target
    if isinstance(owner, syntax.Name) and (static := library.STATICS.get((owner.text, name, count))):
        _check_pattern(owner.text, node.arguments)
        return _invoke(static, None, _arguments(static, node.arguments, f"{owner.text}.{name}"), name)
    target = _compile(owner)
    method = library.METHODS.get((target.kind, name, count))
    if method is None:
        raise ExpressionRefused(f"{target.kind} has no method '{name}' with {count} arguments here")
    return _invoke(method, target.evaluate, _arguments(method, node.arguments, name), name)


def _check_pattern(owner: str, arguments: tuple[syntax.Node, ...]) -> None:
    """Refuse a pattern that is not a literal, or that .NET and Python read differently."""
    if owner != "Regex":
        return
    pattern = arguments[1]
    if not isinstance(pattern, syntax.Literal) or not isinstance(pattern.value, str):
        raise ExpressionRefused("the pattern of Regex.IsMatch has to be a literal")
    try:
        patterns.translate(pattern.value)
    except patterns.PatternRefused as refused:
        raise ExpressionRefused(str(refused)) from refused


def _body(node: syntax.Call) -> Compiled:
    """Compile `context.Request.Body.As<byte[]>()`, which leaves no body behind."""
    assert isinstance(node.target, syntax.Member)  # noqa: S101 - the caller has looked.
    owner = _compile(node.target.target)
    if owner.kind is not Kind.BODY or node.of != (Kind.BYTES,) or node.arguments:
        raise ExpressionRefused(f"only Body.As<byte[]>() is known, not 'As<{node.of[0]}>'")
    request = owner.evaluate
    return Compiled(Kind.BYTES, lambda exchange: _not_null(request(exchange).take_body(), "As"))


def _variable_or_default(node: syntax.Call) -> Compiled:
    """Compile `context.Variables.GetValueOrDefault<T>(name, default)`."""
    assert isinstance(node.target, syntax.Member)  # noqa: S101 - the caller has looked.
    owner = _compile(node.target.target)
    known = (
        owner.kind is Kind.VARIABLES and node.target.name == "GetValueOrDefault" and len(node.arguments) == 2
    )
    if not known or node.of[0] not in library.CASTS:
        raise ExpressionRefused(f"'{node.target.name}<{node.of[0]}>' is not known")
    kind, of_type = library.CASTS[node.of[0]]
    name = _of_kind(node.arguments[0], Kind.STRING, "GetValueOrDefault").evaluate
    default = _of_kind(node.arguments[1], kind, "GetValueOrDefault").evaluate

    def evaluate(exchange: Exchange) -> Any:
        wanted = _argument(name(exchange), "GetValueOrDefault")
        if wanted not in exchange.variables:
            return default(exchange)
        return _typed(exchange.variables[wanted], of_type)

    return Compiled(kind, evaluate)


def _index(node: syntax.Index) -> Compiled:
    target = _compile(node.target)
    method = library.INDEXERS.get(target.kind)
    if method is None:
        raise ExpressionRefused(f"{target.kind} has no indexer here")
    return _invoke(method, target.evaluate, _arguments(method, (node.argument,), "[]"), "[]")


def _arguments(method: Method, nodes: tuple[syntax.Node, ...], name: str) -> list[Evaluate]:
    return [_of_kind(node, kind, name).evaluate for node, kind in zip(nodes, method.parameters, strict=True)]


def _invoke(method: Method, owner: Evaluate | None, arguments: list[Evaluate], name: str) -> Compiled:
    call, nullable = method.call, method.nullable

    def evaluate(exchange: Exchange) -> Any:
        target = () if owner is None else (_not_null(owner(exchange), name),)
        given = [argument(exchange) for argument in arguments]
        for position, value in enumerate(given):
            if position not in nullable:
                _argument(value, name)
        return call(*target, *given)

    return Compiled(method.kind, evaluate)


def _new(node: syntax.New) -> Compiled:
    if node.type == "JProperty":
        return _new_property(node)
    if node.type != "JObject":
        raise ExpressionRefused(f"'new {node.type}' is not known")
    properties = [_of_kind(argument, Kind.JPROPERTY, "new JObject").evaluate for argument in node.arguments]
    return Compiled(Kind.JOBJECT, lambda exchange: dotnet.jobject(entry(exchange) for entry in properties))


def _new_property(node: syntax.New) -> Compiled:
    if len(node.arguments) != 2:
        raise ExpressionRefused("'new JProperty' takes a name and a value")
    name = _of_kind(node.arguments[0], Kind.STRING, "new JProperty").evaluate
    value = _compile(node.arguments[1])
    if value.kind not in (Kind.STRING, Kind.INT, Kind.BOOL, Kind.NULL, Kind.JOBJECT):
        raise ExpressionRefused(f"'new JProperty' takes no {value.kind} here")
    content = value.evaluate
    return Compiled(
        Kind.JPROPERTY,
        lambda exchange: (_argument(name(exchange), "new JProperty"), content(exchange)),
    )


def _cast(node: syntax.Cast) -> Compiled:
    operand = _compile(node.operand)
    kind, of_type = library.CASTS[node.type]
    if operand.kind is not Kind.OBJECT:
        raise ExpressionRefused(f"cannot cast {operand.kind} to {node.type}")
    value = operand.evaluate
    return Compiled(kind, lambda exchange: _typed(value(exchange), of_type))


def _not(operand: Compiled) -> Compiled:
    value = operand.evaluate
    return Compiled(Kind.BOOL, lambda exchange: not value(exchange))


def _binary(node: syntax.Binary) -> Compiled:
    operator = node.operator
    if operator in ("&&", "||"):
        left = _of_kind(node.left, Kind.BOOL, operator).evaluate
        right = _of_kind(node.right, Kind.BOOL, operator).evaluate
        if operator == "&&":
            return Compiled(Kind.BOOL, lambda exchange: left(exchange) and right(exchange))
        return Compiled(Kind.BOOL, lambda exchange: left(exchange) or right(exchange))
    one, other = _compile(node.left), _compile(node.right)
    if operator in ("==", "!="):
        return _equality(operator, one, other)
    if operator == "??":
        return _coalesce(one, other)
    if operator == "+":
        return _plus(node, one, other)
    return _comparison(operator, one, other)


def _equality(operator: str, one: Compiled, other: Compiled) -> Compiled:
    never_null = (Kind.INT, Kind.BOOL, Kind.CHAR, Kind.GUID)
    null = Kind.NULL in (one.kind, other.kind) and not {one.kind, other.kind}.intersection(never_null)
    if not null and (one.kind is not other.kind or one.kind not in (Kind.STRING, Kind.INT, Kind.BOOL)):
        raise ExpressionRefused(f"cannot compare {one.kind} with {other.kind}")
    left, right = one.evaluate, other.evaluate
    if operator == "==":
        return Compiled(Kind.BOOL, lambda exchange: left(exchange) == right(exchange))
    return Compiled(Kind.BOOL, lambda exchange: left(exchange) != right(exchange))


def _coalesce(one: Compiled, other: Compiled) -> Compiled:
    if one.kind is not other.kind or one.kind not in (Kind.STRING, Kind.OBJECT):
        raise ExpressionRefused(f"cannot write {one.kind} ?? {other.kind}")
    left, right = one.evaluate, other.evaluate

    def evaluate(exchange: Exchange) -> Any:
        value = left(exchange)
        return right(exchange) if value is None else value

    return Compiled(one.kind, evaluate)


def _is_constant(node: syntax.Node) -> bool:
    if isinstance(node, syntax.Binary):
        return node.operator == "+" and _is_constant(node.left) and _is_constant(node.right)
    return isinstance(node, syntax.Literal) and type(node.value) is int


def _constant(node: syntax.Node) -> int:
    if isinstance(node, syntax.Binary):
        return _constant(node.left) + _constant(node.right)
    assert isinstance(node, syntax.Literal)  # noqa: S101 - the caller has looked.
    return int(node.value or 0)


def _plus(node: syntax.Binary, one: Compiled, other: Compiled) -> Compiled:
    left, right = one.evaluate, other.evaluate
    if (one.kind, other.kind) == (Kind.INT, Kind.INT):
        if _is_constant(node) and _constant(node) > dotnet.LARGEST_INT:
            raise ExpressionRefused("the sum overflows, which C# refuses where it can see it")
        return Compiled(Kind.INT, lambda exchange: dotnet.wrapped(left(exchange) + right(exchange)))
    kinds = {one.kind, other.kind}
    if Kind.STRING not in kinds or not kinds <= {Kind.STRING, Kind.INT, Kind.CHAR}:
        raise ExpressionRefused(f"cannot add {one.kind} and {other.kind}")

    def evaluate(exchange: Exchange) -> str:
        # In C# a null string adds nothing.
        parts = (left(exchange), right(exchange))
        return "".join("" if part is None else str(part) for part in parts)

    return Compiled(Kind.STRING, evaluate)


def _comparison(operator: str, one: Compiled, other: Compiled) -> Compiled:
    if (one.kind, other.kind) != (Kind.INT, Kind.INT):
        raise ExpressionRefused(f"cannot write {one.kind} {operator} {other.kind}")
    left, right = one.evaluate, other.evaluate
    compare: dict[str, Callable[[int, int], bool]] = {
        "<": int.__lt__,
        ">": int.__gt__,
        "<=": int.__le__,
        ">=": int.__ge__,
    }
    holds = compare[operator]
    return Compiled(Kind.BOOL, lambda exchange: holds(left(exchange), right(exchange)))


def _conditional(node: syntax.Conditional) -> Compiled:
    condition = _of_kind(node.condition, Kind.BOOL, "? :").evaluate
    yes, no = _compile(node.yes), _compile(node.no)
    if yes.kind is not no.kind:
        raise ExpressionRefused(f"the two sides of ? : are {yes.kind} and {no.kind}")
    first, second = yes.evaluate, no.evaluate
    return Compiled(yes.kind, lambda exchange: first(exchange) if condition(exchange) else second(exchange))


def _of_kind(node: syntax.Node, kind: Kind, where: str) -> Compiled:
    compiled = _compile(node)
    fits = (compiled.kind, kind) in ((Kind.NULL, Kind.STRING), (Kind.KEYS, Kind.STRINGS))
    if compiled.kind is not kind and not fits:
        raise ExpressionRefused(f"'{where}' needs {kind}, not {compiled.kind}")
    return compiled


def _not_null(value: Any, name: str) -> Any:
    if value is None:
        raise EvaluationError(f"Object reference not set to an instance of an object ('{name}').")
    return value


def _argument(value: Any, name: str) -> Any:
    if value is None:
        raise EvaluationError(f"Value cannot be null ('{name}').")
    return value


def _typed(value: Any, of_type: type) -> Any:
    # bool is an int in Python, and never in C#.
    if value is None and of_type in (str, Jwt):
        return None
    if type(value) is not of_type:
        raise EvaluationError(f"Unable to cast object of type '{type(value).__name__}'.")
    return value
