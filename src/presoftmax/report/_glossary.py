"""What the terms of the pages mean: said on hover, where a section first uses one."""

import re
from html import escape

__all__ = ["GLOSSARY", "explained"]

GLOSSARY: dict[str, str] = {
    r"misclassification[\s_]log[-_\s]odds": "Log of the probability of anything but the true class over that of the "
    "true class: logsumexp of the other logits, less its logit. It goes on growing where the confidence reads 1.",
    r"group[\s_]log[-_\s]odds": "Log of the probability of all target classes together over that of the rest: what "
    "splitting it between several targets cannot hide.",
    r"log[-_\s]odds": "Log of a probability over that of everything else, exact from the logits. It goes on growing "
    "where the probability reads 1.",
    r"CA1": "The largest logit (class activation in the paper): what stands before the softmax.",
    r"halt(?:s|ed)?": "From some iteration before the last one on, no 8-bit value of the image changed any more.",
    r"clean(?:ed|ing)": "Cleaning leaves out the examples that had not transferred to that victim at the last "
    "iteration, as the paper does.",
}
"""Pattern of a term to what it means; of two that begin at the same place, the first one counts."""

_TERM = re.compile(
    "|".join(rf"(?P<t{number}>(?<![\w/:.-]){pattern}(?![\w-]))" for number, pattern in enumerate(GLOSSARY)),
    re.IGNORECASE,
)
# What is no running text: a tag, or an element that is kept as it is.
_KEPT = re.compile(r"(<(style|script|title|code|abbr|h[1-6])\b.*?</\2>|<[^>]*>)", re.DOTALL)


def explained(page: str) -> str:
    """A page of which each section (from one ``h2`` to the next) explains a term of `GLOSSARY` at its first use."""
    meanings = list(GLOSSARY.values())
    said: set[int] = set()

    def explain(found: re.Match[str]) -> str:
        number = int((found.lastgroup or "t0")[1:])
        if number in said:
            return found[0]
        said.add(number)
        return f'<abbr title="{escape(meanings[number])}">{found[0]}</abbr>'

    parts, at = [], 0
    for kept in _KEPT.finditer(page):
        parts += [_TERM.sub(explain, page[at : kept.start()]), kept[0]]
        if kept[2] == "h2":
            said.clear()
        at = kept.end()
    return "".join([*parts, _TERM.sub(explain, page[at:])])
