"""Write a file so that it is either there whole or not at all."""

from __future__ import annotations

import os

from onnxguard.base.errors import UsageError
from onnxguard.base.printable import printable


def refuse_link(path: str) -> None:
    """Refuse to write where a symbolic link stands: whoever made a repository chose where it leads.

    Every file that the tool writes goes through here, and every folder that it fills. Links above
    what the user named are the user's.

    Raises:
        UsageError: it is a link.
    """
    if os.path.islink(path.rstrip("/")):
        raise UsageError(
            f'cannot write "{printable(path)}": it is a symbolic link, which is not followed; '
            "remove it, or name what it leads to"
        )


def write_whole(path: str, content: str | bytes) -> None:
    """Write a file, text as UTF-8, to a temporary one in the same folder, then rename it.

    Raises:
        UsageError: the file cannot be written, or is a symbolic link; what stood there before still
            does.
    """
    refuse_link(path)
    import tempfile  # imported here: most runs write no file

    folder, name = os.path.split(os.path.realpath(path))
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{name[:64]}.", dir=folder)
        with open(descriptor, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path if os.path.isdir(path) else os.path.join(folder, name))
    except BaseException as error:  # Ctrl-C too
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        if not isinstance(error, OSError):
            raise
        raise UsageError(f'cannot write "{printable(path)}": {error.strerror}') from None
