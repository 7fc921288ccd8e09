"""One target under libFuzzer, which ends the process: `run.py` starts it, and reads what it prints."""

import logging
import random
import sys
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["vggsearch"]):
    import mutation
    from contract import judge
    from targets import TARGETS


def main(name: str, folder: Path, options: list[str]) -> None:
    """Fuzz the target `name`, with `folder` for its files, its corpus and what is found."""
    warnings.simplefilter("ignore")
    logging.disable()
    target = next(target for target in TARGETS if target.name == name)
    for sub in ("work", "corpus", "found"):
        (folder / sub).mkdir()
    ready = target.make(folder / "work")
    for number, seed in enumerate(ready.seeds):
        (folder / "corpus" / f"seed-{number}").write_bytes(seed)

    def change(data: bytes, max_size: int, seed: int) -> bytes:
        """libFuzzer's own mutations, which follow coverage, and those of trees."""
        rng = random.Random(seed)
        plain = None if rng.random() < 0.5 else lambda old: atheris.Mutate(old, max_size)
        return mutation.mutated(data, rng, target.form, target.tokens, max_size, plain)

    longest = max(target.max_bytes, *map(len, ready.seeds))
    arguments = [f"-artifact_prefix={folder / 'found'}/", f"-max_len={longest}", "-len_control=0", *options]
    atheris.Setup(
        [sys.argv[0], *arguments, str(folder / "corpus")],
        lambda data: judge(target, ready.parse, data),
        custom_mutator=change,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
