"""Whether the templates hang together: every module reached, every name known, every file there."""

from collections.abc import Callable, Iterable, Mapping

from local.infracheck import lexis
from local.infracheck.templates import ParameterFile, Template

Templates = Mapping[str, Template]
"""Templates by their path in the project."""


def unreached(templates: Templates, *, root: str) -> list[str]:
    """Modules that nothing deploys: they rot, and whoever reads them is misled."""
    reached, waiting = set[str](), [root]
    while waiting:
        path = waiting.pop()
        if path not in reached and path in templates:
            reached.add(path)
            waiting += [use.path for use in templates[path].modules.values()]
    return [f"{path} is not reached from {root}." for path in sorted(set(templates) - reached)]


def wrong_parameters(templates: Templates) -> list[str]:
    """Modules that do not exist, that lack a parameter, or that are given one they do not have."""
    findings = []
    for path, template in sorted(templates.items()):
        for symbol, use in template.modules.items():
            where = f"{path}: module {symbol}"
            if use.path not in templates:
                findings.append(f"{where} is {use.path}, which does not exist.")
                continue
            parameters = templates[use.path].parameters
            required = {name for name, parameter in parameters.items() if parameter.required}
            findings += [f"{where} lacks the parameter {name}." for name in sorted(required - use.given)]
            findings += [f"{where} has no parameter {name}." for name in sorted(use.given - set(parameters))]
    return findings


def wrong_outputs(templates: Templates) -> list[str]:
    """Outputs that are read and that their module does not give."""
    return [
        f"{path}: module {symbol} has no output {output}."
        for path, template in sorted(templates.items())
        for symbol, output in sorted(lexis.outputs_used(template.text))
        if symbol in template.modules
        and template.modules[symbol].path in templates
        and output not in templates[template.modules[symbol].path].outputs
    ]


def unread_outputs(templates: Templates, *, root: str) -> list[str]:
    """Outputs of modules that nothing reads; those of the root are for people and for azd."""
    read = {
        (template.modules[symbol].path, output)
        for template in templates.values()
        for symbol, output in lexis.outputs_used(template.text)
        if symbol in template.modules
    }
    return [
        f"{path}: output {output} is read by nothing."
        for path, template in sorted(templates.items())
        for output in sorted(template.outputs)
        if path != root and (path, output) not in read
    ]


def missing_files(templates: Templates, *, exists: Callable[[str], bool]) -> list[str]:
    """Files that Bicep loads and that are not there."""
    return [
        f"{path} loads {loaded}, which does not exist."
        for path, template in sorted(templates.items())
        for loaded in sorted(template.loads)
        if not exists(loaded)
    ]


def unloaded_files(templates: Templates, *, files: Iterable[str]) -> list[str]:
    """Files that exist to be loaded, and that no template loads."""
    loaded = {path for template in templates.values() for path in template.loads}
    return [f"{path} is loaded by no template." for path in sorted(set(files) - loaded)]


WORDS = "param var resource module output existing if for in targetScope true false null"
TYPES = "string int bool object array"
DECORATORS = "description allowed minValue maxValue minLength maxLength secure"
FUNCTIONS = (
    "cidrSubnet empty environment guid items loadJsonContent loadTextContent min replace split string "
    "subscription subscriptionResourceId take tenant union uniqueString"
)
KNOWN = frozenset(f"{WORDS} {TYPES} {DECORATORS} {FUNCTIONS}".split())
"""Names that nobody declares. Of the functions only those in use: another is added with its first use."""


def unknown_names(templates: Templates) -> list[str]:
    """Names that nothing declares; the compiler would refuse them."""
    return [
        f"{path}: {name} is not declared."
        for path, template in sorted(templates.items())
        for name in sorted(lexis.names_used(template.text) - lexis.names_declared(template.text) - KNOWN)
    ]


def unused_names(templates: Templates) -> list[str]:
    """Parameters and variables that are declared and never used."""
    return [
        f"{path}: {name} is declared and not used."
        for path, template in sorted(templates.items())
        for name in sorted([*template.parameters, *template.variables])
        if lexis.times_named(template.text, name) < 2
    ]


SECRET_FUNCTIONS = ("listKeys", "listSecrets", "listAccountSas", "listServiceSas", "getSecret")


def secrets_in_outputs(templates: Templates) -> list[str]:
    """Outputs stay readable in the deployment's history: nothing secret may be one, nor be fetched at all."""
    findings = []
    for path, template in sorted(templates.items()):
        code = lexis.without_strings(template.text)
        calls = [name for name in SECRET_FUNCTIONS if f"{name}(" in code]
        findings += [f"{path} calls {name}, which fetches a secret." for name in calls]
        secure = {name for name, parameter in template.parameters.items() if parameter.secure}
        findings += [
            f"{path}: output {output} holds the secure parameter {name}."
            for output, value in template.outputs.items()
            for name in sorted(secure)
            if name in str(value)
        ]
    return findings


def wrong_parameter_files(files: Mapping[str, ParameterFile], templates: Templates) -> list[str]:
    """Parameter files that lack a value, give one that is not asked for, or differ in more than values."""
    findings = []
    everywhere = {name for file in files.values() for name in file.given}
    for path, file in sorted(files.items()):
        if file.template not in templates:
            findings.append(f"{path} is for {file.template}, which does not exist.")
            continue
        parameters = templates[file.template].parameters
        required = {name for name, parameter in parameters.items() if parameter.required}
        lacking, surplus = required - file.given, file.given - set(parameters)
        elsewhere = everywhere - file.given - required
        findings += [f"{path} lacks the parameter {name}." for name in sorted(lacking)]
        findings += [f"{path}: there is no parameter {name}." for name in sorted(surplus)]
        findings += [f"{path} does not give {name}; another environment does." for name in sorted(elsewhere)]
    return findings
