"""Write a file so that it is either there whole or not at all."""

from __future__ import annotations

import os

from onnxguard.errors import UsageError
from onnxguard.printable import printable


def write_whole(path: str, text: str) -> None:
    """Write UTF-8 text to a temporary file in the same folder, then rename it into place.

    Raises:
        UsageError: the file cannot be written; what stood there before still does.
    """
    import tempfile  # imported here: most runs write no file

    folder, name = os.path.split(os.path.realpath(path))
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name[:64]}.", dir=folder)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path if os.path.isdir(path) else os.path.join(folder, name))
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise UsageError(f'cannot write "{printable(path)}": {error.strerror}') from None
