"""The verdict of a contrast as one plain sentence."""

from dataclasses import dataclass

from vggsearch.analysis import MAX_PAIRS, Verdict
from vggsearch.designs import Contrast
from vggsearch.report.ablation.ablation_findings import AblationFindings, ContrastFinding
from vggsearch.report.document import MISSING, NBSP, Span, Strong, duration, missing, plain, points

FEWEST_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Sentence:
    """What was found, and the numbers behind it."""

    head: str
    body: str
    bold: bool
    """Whether `head` is bold; never where the interval covers zero."""

    def spans(self) -> tuple[Span, ...]:
        """The sentence with its bold part."""
        return (Strong(self.head) if self.bold else self.head, f": {self.body}")

    def __str__(self) -> str:
        return f"{self.head}: {self.body}".replace(NBSP, " ")


def sentence(found: AblationFindings, effect: ContrastFinding) -> Sentence:
    """The sentence of one contrast; a refutation is worded and set exactly as a confirmation is."""
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
            return Sentence(_open(contrast), _described(found, effect, where), False)


def pp(fraction: float) -> str:
    """`+0.42 pp`; with one digit more where the other digits would be zeros."""
    small = 0 < abs(fraction) < 0.5 * 10 ** -(FEWEST_DIGITS + 2)
    return points(fraction + 0.0, FEWEST_DIGITS + small)  # a zero has no sign


def pp_interval(low: float, high: float) -> str:
    """`+0.25 to +0.59 pp`."""
    if missing(low) or missing(high):
        return MISSING
    return f"{pp(low).removesuffix(f'{NBSP}pp')} to {pp(high)}"


def interacts(contrast: Contrast) -> bool:
    """Whether the contrast asks if two factors interact: either sign then supports the claim."""
    return contrast.question == "do they interact"


def reverse(contrast: Contrast) -> Contrast:
    """The same contrast with its sides exchanged."""
    weights = {arm: -weight for arm, weight in contrast.weights.items()}
    return Contrast(contrast.name, weights, contrast.worse, contrast.better, contrast.at, contrast.held)


def sides(contrast: Contrast) -> tuple[str, str]:
    """The side that the claim favours, and the other side, as printed."""
    return plain(contrast.better, 120), plain(contrast.worse, 120)


def pair_s(found: AblationFindings, contrast: Contrast) -> float | None:
    """Training seconds of one more pair, by the plan or else as measured; None where neither says it."""
    total = 0.0
    for name in contrast.weights:
        planned = found.plan.run_s(found.plan.arm(name)) if found.plan else None
        seconds = found.arm_mean(name, "train_s") if planned is None else planned
        if missing(seconds):
            return None
        total += seconds
    return total


def _where(found: AblationFindings, effect: ContrastFinding, *, sign: int = 1) -> str:
    low, high = sorted((sign * effect.low, sign * effect.high))
    if missing(effect.low):
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


def _sign(effect: ContrastFinding) -> str:
    """A sentence on an effect that is too small to matter, but whose sign is certain."""
    if not (effect.sign_certain and effect.off_zero) or interacts(effect.contrast):
        return ""
    better, worse = sides(effect.contrast)
    return f" The sign is certain all the same: {better if effect.mean > 0 else worse} is ahead."


def _more(found: AblationFindings, effect: ContrastFinding) -> str:
    looked = found.looked
    if looked is not None and effect.more_pairs is None:
        left = found.plan is not None and looked.wanted > looked.last
        return "by what these pairs show, no planned look would decide" if left else "no planned look is left"
    if effect.more_pairs is None:
        return f"by what these pairs show, {MAX_PAIRS} would not decide"
    seconds = pair_s(found, effect.contrast)
    unit = "GPU" if found.plan and found.plan.device != "cpu" else "core"
    time = "" if seconds is None else f" (about {duration(effect.more_pairs * seconds)} of one {unit})"
    many = f"{effect.more_pairs} more seed{'s' if effect.more_pairs != 1 else ''}"
    planned = "" if looked is None else f", at the planned look at {looked.last + effect.more_pairs} pairs,"
    return f"about {many}{time}{planned} would decide"


def _described(found: AblationFindings, effect: ContrastFinding, where: str) -> str:
    if effect.n and found.looked is not None and not found.looked.last:
        return f"before the first planned look: no verdict. {pp(effect.mean)} {where}."
    if effect.n == 0:
        return "no pair is complete, so nothing can be said"
    return f"descriptive only, n = {effect.n}: no verdict. {pp(effect.mean)} {where}."


def _upper(text: str) -> str:
    """Start a sentence with a capital; names from the study file stay as they are."""
    return f"T{text[1:]}" if text.startswith("the ") else text
