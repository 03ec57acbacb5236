"""C# expressions as a tree: literals, members, calls, indexers, casts, `new`, operators."""

import re
from dataclasses import dataclass


class ExpressionRefused(Exception):
    """The expression is not one that this gateway understands."""


@dataclass(frozen=True)
class Literal:
    """A string, character, whole number, bool or null."""

    value: str | int | bool | None
    is_character: bool = False


@dataclass(frozen=True)
class Name:
    """An identifier that stands alone."""

    text: str


@dataclass(frozen=True)
class Member:
    """`target.name`."""

    target: "Node"
    name: str


@dataclass(frozen=True)
class Call:
    """`target(arguments)`, where the target is a member; `of` are type arguments."""

    target: "Node"
    of: tuple[str, ...]
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Index:
    """`target[argument]`."""

    target: "Node"
    argument: "Node"


@dataclass(frozen=True)
class New:
    """`new Type(arguments)`."""

    type: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True)
class Cast:
    """`(type)operand`."""

    type: str
    operand: "Node"


@dataclass(frozen=True)
class Unary:
    """`!operand`."""

    operator: str
    operand: "Node"


@dataclass(frozen=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Conditional:
    """`condition ? yes : no`."""

    condition: "Node"
    yes: "Node"
    no: "Node"


Node = Literal | Name | Member | Call | Index | New | Cast | Unary | Binary | Conditional

CASTABLE = ("string", "int", "bool", "Jwt")
_PRECEDENCE = {
    "??": 1, "||": 2, "&&": 3, "==": 4, "!=": 4, "<": 5, ">": 5, "<=": 5, ">=": 5, "+": 6,
}  # fmt: skip
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<number>[0-9]+)(?![\w.])
  | (?P<name>[A-Za-z_]\w*)
  | @"(?P<verbatim>(?:[^"]|"")*)"
  | "(?P<string>(?:[^"\\\r\n\x85\u2028\u2029]|\\.)*)"
  | '(?P<character>(?:[^'\\\r\n\x85\u2028\u2029]|\\.))'
  | (?P<sign>\?\?|&&|\|\||==|!=|<=|>=|[-+!<>?:.,()\[\]])
    """,
    re.VERBOSE | re.ASCII,
)
_LARGEST = 2**31 - 1
"""C# makes a larger literal an unsigned or a long number, which no policy needs."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def parse(source: str) -> Node:
    """Return the tree of one expression (without its `@( )`). Raises ExpressionRefused."""
    parser = _Parser(_tokens(source))
    tree = parser.expression()
    parser.expect_end()
    return tree


def _tokens(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(source):
        found = _TOKEN.match(source, position)
        if found is None:
            raise ExpressionRefused(f"cannot read {source[position : position + 12]!r}")
        position = found.end()
        kind = found.lastgroup or ""
        if kind != "space":
            tokens.append(_Token(kind, _content(kind, found.group(kind))))
    return tokens


def _content(kind: str, text: str) -> str:
    if kind == "verbatim":
        return text.replace('""', '"')
    if kind == "number" and int(text) > _LARGEST:
        raise ExpressionRefused(f"the number {text} is larger than {_LARGEST}")
    if kind == "character" and ord(text[-1]) > 0xFFFF:
        raise ExpressionRefused(f"'{text}' is two characters in UTF-16")
    if kind in ("string", "character"):
        return re.sub(r"\\(.)", _unescape, text)
    return text


def _unescape(found: re.Match[str]) -> str:
    if found.group(1) not in _ESCAPES:
        raise ExpressionRefused(f"unknown escape {found.group(0)} in a string")
    return _ESCAPES[found.group(1)]


class _Parser:
    """Recursive descent, with precedence climbing for the binary operators."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def expression(self) -> Node:
        condition = self._binary(0)
        if not self._take("?"):
            return condition
        yes = self.expression()
        self._expect(":")
        return Conditional(condition, yes, self.expression())

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise ExpressionRefused(f"unexpected '{self._tokens[self._at].text}'")

    def _binary(self, minimum: int) -> Node:
        left = self._unary()
        while (operator := self._operator(minimum)) is not None:
            # ?? is the one operator that binds to the right.
            step = 0 if operator == "??" else 1
            right = self._binary(_PRECEDENCE[operator] + step)
            left = Binary(operator, left, right)
        return left

    def _operator(self, minimum: int) -> str | None:
        token = self._peek()
        if token is None or token.kind != "sign" or _PRECEDENCE.get(token.text, -1) < max(minimum, 1):
            return None
        self._at += 1
        return token.text

    def _unary(self) -> Node:
        if self._take("!"):
            return Unary("!", self._unary())
        if self._is_cast():
            self._at += 1
            kind = self._name()
            self._expect(")")
            return Cast(kind, self._unary())
        return self._postfix()

    def _is_cast(self) -> bool:
        ahead = self._tokens[self._at : self._at + 3]
        return (
            len(ahead) == 3
            and [ahead[0].kind, ahead[0].text] == ["sign", "("]
            and ahead[1].kind == "name"
            and ahead[1].text in CASTABLE
            and [ahead[2].kind, ahead[2].text] == ["sign", ")"]
        )

    def _postfix(self) -> Node:
        node = self._primary()
        while True:
            if self._take("."):
                node = Member(node, self._name())
            elif self._take("["):
                node = Index(node, self.expression())
                self._expect("]")
            elif (called := self._call(node)) is not None:
                node = called
            else:
                return node

    def _call(self, node: Node) -> Node | None:
        of = self._type_arguments()
        if not self._take("("):
            return None
        return Call(node, of, self._arguments())

    def _type_arguments(self) -> tuple[str, ...]:
        """Read `<string>` or `<byte[]>` before a call.

        A comparison looks different: its `>` is not followed by `(`.
        """
        ahead = self._tokens[self._at : self._at + 6]
        texts = [token.text for token in ahead]
        if len(ahead) < 4 or texts[0] != "<" or ahead[1].kind != "name":
            return ()
        for rest, array in ((4, ""), (6, "[]")):
            if texts[2:rest] == [*array, ">", "("]:
                self._at += rest - 1
                return (texts[1] + array,)
        return ()

    def _arguments(self) -> tuple[Node, ...]:
        if self._take(")"):
            return ()
        found = [self.expression()]
        while self._take(","):
            found.append(self.expression())
        self._expect(")")
        return tuple(found)

    def _primary(self) -> Node:
        if self._take("("):
            inner = self.expression()
            self._expect(")")
            return inner
        token = self._peek()
        if token is None:
            raise ExpressionRefused("ends too early")
        if token.kind == "sign":
            raise ExpressionRefused(f"unexpected '{token.text}'")
        self._at += 1
        if token.kind == "name":
            return self._named(token.text)
        if token.kind == "number":
            return Literal(int(token.text))
        return Literal(token.text, is_character=token.kind == "character")

    def _named(self, text: str) -> Node:
        if text == "new":
            kind = self._name()
            self._expect("(")
            return New(kind, self._arguments())
        constants: dict[str, bool | None] = {"true": True, "false": False, "null": None}
        return Literal(constants[text]) if text in constants else Name(text)

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, sign: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "sign" or token.text != sign:
            return False
        self._at += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            token = self._peek()
            raise ExpressionRefused(f"expected '{sign}'" + (f" before '{token.text}'" if token else ""))

    def _name(self) -> str:
        token = self._peek()
        if token is None or token.kind != "name":
            raise ExpressionRefused("expected a name")
        self._at += 1
        return token.text
