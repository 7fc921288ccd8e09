"""The verdict of a contrast as one plain sentence: on the page, on the terminal, in quotations."""

from dataclasses import dataclass

from vggsearch.analysis import MAX_PAIRS, Verdict
from vggsearch.designs import Contrast
from vggsearch.report.ablation.findings import Ablation, Finding
from vggsearch.report.document import NBSP, Span, Strong, duration, plain, points

FEWEST_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Sentence:
    """What was found, and by what numbers."""

    head: str
    body: str
    bold: bool
    """Never where the interval covers zero."""

    def spans(self) -> tuple[Span, ...]:
        """For the page."""
        return (Strong(self.head) if self.bold else self.head, f": {self.body}")

    def __str__(self) -> str:
        return f"{self.head}: {self.body}".replace(NBSP, " ")


def sentence(found: Ablation, effect: Finding) -> Sentence:
    """The sentence of one contrast. What speaks against the claim is said as loudly as what speaks for it."""
    contrast, where = effect.contrast, _where(found, effect)
    match effect.verdict:
        case Verdict.SUPPORTED:
            return Sentence(_claim(contrast), f"by {pp(effect.mean)} {where}. Supported.", effect.off_zero)
        case Verdict.REFUTED:
            body = f"by {pp(-effect.mean)} {_where(found, effect, sign=-1)}. "
            refuted = f"The claim that {_claim(contrast)} is refuted."
            return Sentence(_claim(reverse(contrast)), body + refuted, effect.off_zero)
        case Verdict.EQUIVALENT:
            within = f"the difference is within ±{100 * found.margin:g}{NBSP}pp, {pp(effect.mean)} {where}."
            body = f"{within} Equivalent.{_sign(effect)}"
            return Sentence(_no_difference(contrast), body, effect.off_zero)
        case Verdict.UNDECIDED:
            body = f"undecided, {pp(effect.mean)} {where}; {_more(found, effect)}."
            return Sentence(_open(contrast), body, False)
        case Verdict.DESCRIPTIVE:
            return Sentence(_open(contrast), _described(effect, where), False)


def pp(fraction: float) -> str:
    """`+0.42 pp`; one digit more where the others would be zeros."""
    small = 0 < abs(fraction) < 0.5 * 10 ** -(FEWEST_DIGITS + 2)
    return points(fraction + 0.0, FEWEST_DIGITS + small)  # a zero has no sign


def pp_interval(low: float, high: float) -> str:
    """`+0.25 to +0.59 pp`."""
    return f"{pp(low).removesuffix(f'{NBSP}pp')} to {pp(high)}"


def interacts(contrast: Contrast) -> bool:
    """Whether the contrast asks if two factors interact: either sign then supports the claim."""
    return contrast.question == "do they interact"


def reverse(contrast: Contrast) -> Contrast:
    """The same with its sides exchanged."""
    weights = {arm: -weight for arm, weight in contrast.weights.items()}
    return Contrast(contrast.name, weights, contrast.worse, contrast.better, contrast.at, contrast.held)


def sides(contrast: Contrast) -> tuple[str, str]:
    """What the claim favours, and what it does not, in print."""
    return plain(contrast.better, 120), plain(contrast.worse, 120)


def pair_s(found: Ablation, contrast: Contrast) -> float | None:
    """Training seconds of one more pair: of the plan, or else as measured; None where nobody knows."""
    total = 0.0
    for name in contrast.weights:
        planned = found.plan.run_s(found.plan.arm(name)) if found.plan else None
        seconds = found.arm_mean(name, "train_s") if planned is None else planned
        if seconds != seconds:  # NaN
            return None
        total += seconds
    return total


def _where(found: Ablation, effect: Finding, *, sign: int = 1) -> str:
    low, high = sorted((sign * effect.low, sign * effect.high))
    if effect.low != effect.low:  # NaN
        return f"of {found.part.accuracy} (n = {effect.n})"
    seeds = f"n = {effect.n} pair{'s' if effect.n != 1 else ''}"
    return f"of {found.part.accuracy} ({found.level} interval {pp_interval(low, high)}, {seeds})"


def _claim(contrast: Contrast) -> str:
    return _upper(plain(contrast.claim, 300))


def _open(contrast: Contrast) -> str:
    better, worse = sides(contrast)
    if interacts(contrast):
        return f"Whether {plain(contrast.claim, 300)}"
    return _upper(" ".join(part for part in (better, "against", worse, plain(contrast.at)) if part))


def _no_difference(contrast: Contrast) -> str:
    better, worse = sides(contrast)
    if interacts(contrast):
        return f"{better} makes no difference that matters to what {worse} does"
    which = " ".join(part for part in (f"{better} or {worse}", plain(contrast.at)) if part)
    return f"{_upper(which)} makes no difference that matters"


def _sign(effect: Finding) -> str:
    """What is to be said of an effect that is too small to matter, and whose sign is known all the same."""
    if not (effect.sign_certain and effect.off_zero) or interacts(effect.contrast):
        return ""
    better, worse = sides(effect.contrast)
    return f" The sign is certain all the same: {better if effect.mean > 0 else worse} is ahead."


def _more(found: Ablation, effect: Finding) -> str:
    if effect.more_pairs is None:
        return f"by what these pairs show, {MAX_PAIRS} would not decide"
    seconds = pair_s(found, effect.contrast)
    unit = "GPU" if found.plan and found.plan.device == "cuda" else "core"
    time = "" if seconds is None else f" (about {duration(effect.more_pairs * seconds)} of one {unit})"
    many = f"{effect.more_pairs} more seed{'s' if effect.more_pairs != 1 else ''}"
    return f"about {many}{time} would decide"


def _described(effect: Finding, where: str) -> str:
    if effect.n == 0:
        return "no pair is complete, so nothing can be said"
    return f"descriptive only, n = {effect.n}: no verdict. {pp(effect.mean)} {where}."


def _upper(text: str) -> str:
    """A sentence's beginning, unless it is a name of the study file's."""
    return f"T{text[1:]}" if text.startswith("the ") else text
