"""Write the golden reports anew: ``python tests/update_goldens.py``, then read the diff."""

from __future__ import annotations

from reporter_goldens import FOLDER, GOLDENS


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for golden in GOLDENS:
        (FOLDER / golden.file).write_text(golden.render(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
