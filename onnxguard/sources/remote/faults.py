"""What goes wrong between here and a model, told without a word that a library or server said."""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Mapping
from typing import Any

from onnxguard.base.errors import ModelError
from onnxguard.sources.remote.addresses import WEB

CREDENTIALS = {
    "http": "credentials are looked for in ~/.netrc (or where NETRC points) and in the address",
    "s3": "credentials are looked for in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in the "
    "profile that AWS_PROFILE names and in the machine's role; FSSPEC_S3_ANON=true asks for none",
    "gs": "credentials are looked for where Google's libraries do: "
    "GOOGLE_APPLICATION_CREDENTIALS, gcloud auth application-default login, the machine's role",
    "hf": "credentials are looked for in HF_TOKEN and where hf auth login puts them",
}

_PASSING = frozenset({408, 425, 429})
_REFUSED = frozenset({401, 403, 407})
_SENSELESS = frozenset(
    getattr(errno, name)
    for name in ("EINVAL", "EPERM", "ENAMETOOLONG", "ENOSYS", "EREMCHG")
    if hasattr(errno, name)
)
"""The errors that s3fs makes of answers that another try will not change."""


class RemoteError(ModelError):
    """A model at an address could not be read (OG001).

    Attributes:
        missing: whether nothing is there.
        passing: whether another try may find it otherwise.
        late: whether the time for the model is over.
        pause: seconds that the server asks to wait before another try, 0 where it does not say.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        missing: bool = False,
        passing: bool = False,
        late: bool = False,
        pause: float = 0,
    ) -> None:
        super().__init__("OG001", message, hint)
        self.missing = missing
        self.passing = passing
        self.late = late
        self.pause = pause


def changed() -> RemoteError:
    """What to say of an object that is another one now."""
    return RemoteError("the model changed while it was read", "scan it again")


def late(seconds: float) -> RemoteError:
    """What to say when the time for a model is over."""
    hint = "give it more time with --timeout, or look at the connection"
    return RemoteError(f"cannot be read: not done within {seconds:g} s", hint, late=True)


def of_status(status: int, protocol: str, headers: Mapping[str, str] | None = None) -> RemoteError:
    """What an HTTP status of 400 or more means; ``headers`` are the answer's, in any case."""
    answer = f"HTTP {status}"
    if status in (404, 410):
        return _missing(answer, protocol)
    if status in _REFUSED:
        return _refused(answer, protocol)
    passing = status >= 500 or status in _PASSING
    hint = "try later, or ask who runs the server" if passing else "check the address"
    pause = _pause(headers or {}) if passing else 0
    message = f"cannot be read: the server answers {answer}"
    return RemoteError(message, hint, passing=passing, pause=pause)


def _pause(headers: Mapping[str, str]) -> float:
    """The seconds of a ``Retry-After`` (RFC 9110, 10.2.3), which may be a date; 0 for none."""
    told = next((text for name, text in headers.items() if name.lower() == "retry-after"), "")
    if re.fullmatch(r"[0-9]{1,9}", told):
        return float(told)
    from email.utils import parsedate_to_datetime

    try:
        return max(0, parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0


def _missing(answer: str, protocol: str) -> RemoteError:
    hint = "check the address"
    if protocol not in WEB:  # a store says so of what the caller may not see, too
        hint += f", and that you may read it: {CREDENTIALS[protocol]}"
    return RemoteError(f"cannot be read: nothing is there ({answer})", hint, missing=True)


def _refused(answer: str, protocol: str) -> RemoteError:
    hint = CREDENTIALS["http" if protocol in WEB else protocol]
    return RemoteError(f"cannot be read: not allowed ({answer})", hint)


def of_exception(error: BaseException, protocol: str) -> RemoteError:
    """What an exception of fsspec, or of a library below it, means.

    Of the exception only the name of its type is told: its text may hold an address with
    credentials.
    """
    if isinstance(error, RemoteError):
        return error
    kind = type(error).__name__
    if kind == "FileExpired":  # s3fs asks for the object that it opened
        return changed()
    status, headers = (None, None) if protocol in WEB else _answer(error)
    if status is not None:
        return of_status(status, protocol, headers)
    if isinstance(error, FileNotFoundError):
        return _missing(kind, protocol)
    if isinstance(error, PermissionError) or "Credential" in kind or kind == "ProfileNotFound":
        return _refused(kind, protocol)
    if "Redirect" in kind:
        return RemoteError(f"cannot be read: the server redirects to nowhere ({kind})")
    if "Certificate" in kind or "SSL" in kind:
        hint = "check the name of the host, and trust its authority (SSL_CERT_FILE)"
        return RemoteError(f"cannot be read: the server's certificate is refused ({kind})", hint)
    if isinstance(error, OSError) and error.errno in _SENSELESS:
        name = errno.errorcode.get(error.errno or 0, "")
        return RemoteError(f"cannot be read: the store refuses the request ({name})")
    if isinstance(error, TimeoutError):
        return RemoteError("cannot be read: no answer", _NETWORK, passing=True)
    if isinstance(error, ValueError):
        return RemoteError(f"cannot be read: not an address that can be asked ({kind})")
    return RemoteError(f"cannot be read: the connection failed ({kind})", _NETWORK, passing=True)


_NETWORK = "check the address, the network and the proxy"


def _answer(error: BaseException) -> tuple[int | None, Mapping[str, str] | None]:
    """The HTTP status and headers that the exception of a store, or what it was made of, tells."""
    for each in (error, error.__cause__):
        response: Any = getattr(each, "response", None)
        if isinstance(response, dict):  # botocore
            told = response.get("ResponseMetadata", {})
            response, headers = told.get("HTTPStatusCode"), told.get("HTTPHeaders")
        else:  # huggingface_hub
            headers = getattr(response, "headers", None)
            response = getattr(response, "status_code", None)
        for status in (response, getattr(each, "code", None), getattr(each, "status", None)):
            if isinstance(status, int) and 400 <= status < 600:
                return status, headers
    return None, None
