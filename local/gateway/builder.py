"""Builds policy documents into the steps of each section, with `<base />` resolved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from local.gateway import policies
from local.gateway.documents import Element
from local.gateway.grammar import SECTIONS, Refusals, Site, Step, attributes, no_text
from local.gateway.services import Services

Pipeline = Mapping[str, tuple[Step, ...]]
"""The steps of each section."""


@dataclass(frozen=True)
class Scope:
    """A policy document and the scope that it is configured at."""

    name: str
    document: Element


def build(scopes: Iterable[Scope], *, fragments: Mapping[str, Element], services: Services) -> Pipeline:
    """Return the effective policies of `scopes`, given from the broadest to the narrowest.

    Each `<base />` becomes the section of the next broader scope. Raises PolicyRefused with
    every fault found.
    """
    refusals = Refusals()
    pipeline: dict[str, tuple[Step, ...]] = dict.fromkeys(SECTIONS, ())
    for scope in scopes:
        built = {}
        for section in refusals.attempt(_sections, scope.document) or ():
            site = Site(scope.name, section.tag, "", fragments, services, build_steps)
            built[section.tag] = refusals.attempt(_section, section, site, pipeline)
        pipeline = {name: built.get(name) or () for name in SECTIONS}
    refusals.settle()
    return pipeline


def _sections(document: Element) -> list[Element]:
    if document.tag != "policies":
        raise document.refuse(f"a policy document begins with <policies>, not <{document.tag}>")
    attributes(document)
    no_text(document)
    tags = [child.tag for child in document.children]
    for child in document.children:
        if child.tag not in SECTIONS:
            raise child.refuse(f"<{child.tag}> is not a section")
    if tags != list(SECTIONS):
        raise document.refuse(f"<policies> needs the sections {', '.join(SECTIONS)}, once and in this order")
    return document.children


def _section(section: Element, site: Site, inherited: Pipeline) -> tuple[Step, ...]:
    attributes(section)
    no_text(section)
    bases = [child for child in section.children if child.tag == "base"]
    if len(bases) > 1:
        raise bases[1].refuse("<base /> may stand only once in a section")
    if bases and site.scope == "global":
        raise bases[0].refuse("the global scope has nothing above it for <base /> to inherit")
    own = iter(build_steps([child for child in section.children if child.tag != "base"], site))
    steps: list[Step] = []
    for child in section.children:
        if child.tag == "base":
            steps.extend(inherited[section.tag])
        else:
            steps.append(next(own))
    return tuple(steps)


def build_steps(elements: Iterable[Element], site: Site) -> list[Step]:
    """Return the steps of sibling elements. Raises PolicyRefused with every fault found."""
    refusals = Refusals()
    steps: list[Step] = []
    seen: dict[str, int] = {}
    for position, element in enumerate(elements):
        seen[element.tag] = seen.get(element.tag, 0) + 1
        inner = site.below(f"{element.tag}[{seen[element.tag]}]")
        step = refusals.attempt(_step, element, inner, position=position, count=seen[element.tag])
        if step is not None:
            steps.append(step)
    refusals.settle()
    return steps


def _step(element: Element, site: Site, *, position: int, count: int) -> Step:
    policy = policies.KNOWN.get(element.tag)
    if policy is None:
        raise element.refuse(f"the policy <{element.tag}> is not known")
    if site.section not in policy.sections:
        raise element.refuse(f"<{element.tag}> is not allowed in <{site.section}>")
    if site.scope not in policy.scopes:
        raise element.refuse(f"<{element.tag}> is not allowed at the {site.scope} scope")
    if policy.once and count > 1:
        raise element.refuse(f"<{element.tag}> may stand only once in a section")
    if policy.first and position > 0:
        raise element.refuse(f"<{element.tag}> has to be the first policy of its section")
    return Step(
        policy=element.tag,
        place=f"{element.file.name}:{element.line}",
        scope=site.scope,
        section=site.section,
        path=site.path,
        policy_id=element.attributes.get("id", ""),
        run=policy.build(element, site),
    )
