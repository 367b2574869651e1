"""Write the golden reports anew: ``python tests/update_goldens.py``, then read the diff."""

from __future__ import annotations

from support import (
    diff_goldens,
    parity_goldens,
    reporter_goldens,
    target_goldens,
    training_goldens,
)


def main() -> None:
    for goldens in (
        reporter_goldens,
        parity_goldens,
        training_goldens,
        diff_goldens,
        target_goldens,
    ):
        goldens.FOLDER.mkdir(parents=True, exist_ok=True)
        for golden in goldens.GOLDENS:
            path = goldens.FOLDER / golden.file
            path.write_text(golden.render(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
