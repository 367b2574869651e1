"""What earlier checks found, by the content of the files.

Two questions are answered. Is this file the one that was looked at last (its size, times and inode
say so, as in Git's index)? Then its digests are known without reading it. And what was found in a
model of this digest, by this version of the tool and this allowlist?

A digest covers every byte of a model but the weights that no rule looks at (see ``twins``).
The cache lies in the user's own folder and never in the repository, which could bring one along.
Nothing here is ever needed: whatever goes wrong with the database, the check goes on without it.

Whoever can write the database decides what a check finds. So in CI, where it may come from another
run, it is used only with a key, which each row is signed with: a row of anybody else is none.
"""

from __future__ import annotations

import hmac
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from onnxguard.base.cache_folder import cache_folder
from onnxguard.base.errors import UsageError
from onnxguard.many.fingerprint import digest_of
from onnxguard.model.wanted import EMPTY, Wanted
from onnxguard.policy.allowlist import Allowlist
from onnxguard.scanning.plain_values import record_of, report_of
from onnxguard.scanning.report import Report
from onnxguard.scanning.same_graph import Spans

if TYPE_CHECKING:
    import sqlite3

FORMAT = "2"
FILE = f"check-{FORMAT}.sqlite"
SETTLED = 2 * 10**9
"""Nanoseconds that a file must have rested: within one tick of a clock it may change unseen."""
PENDING = 1000
"""Rows that are written at a time."""
DAYS = 60
"""What was not asked for in so many days is forgotten."""
KEY = "ONNXGUARD_CACHE_KEY"
KEY_LENGTH = 32
"""Characters that a key has at least."""
CI = (
    *("CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI", "TF_BUILD"),
    *("BITBUCKET_BUILD_NUMBER", "CODEBUILD_BUILD_ID", "JENKINS_URL", "TEAMCITY_VERSION"),
)
"""Variables of which one is set wherever a CI service runs."""
_TABLES = """
create table if not exists files (
  root blob, path blob, state text, digest text, sha256 text, signature text, day int,
  primary key (root, path)
) without rowid;
create table if not exists results (
  digest text, judge text, report text, signature text, day int, primary key (digest, judge)
) without rowid;
create table if not exists structures (
  size int, spans text, signature text, primary key (size, spans)
) without rowid;
"""


def _packed(report: Report) -> str:
    """A report as it is kept, without what belongs to one file and one run."""
    bare = slim(report)._replace(path="", seconds=0.0, sha256=None)
    return json.dumps(record_of(bare), separators=(",", ":"))


UNASKED = frozenset({"operators", "constants", "initializer_bytes", "loops"})
"""Facts that neither a contract asks for nor a line of the summary."""

SLIM = Wanted(unwanted=UNASKED)
"""What is made of a report that is kept."""


def slim(report: Report) -> Report:
    """What a contract and a line of the summary ask for; all of it where something was found."""
    facts = report.facts
    if facts is None or report.findings:
        return report
    return report._replace(facts=facts._replace(**{name: EMPTY[name] for name in UNASKED}))


class Known(NamedTuple):
    """What is known of a file: its state, and the digests it had then, empty where unknown."""

    state: str
    digest: str
    sha256: str


def _is_sound(known: Known) -> bool:
    digests = known.digest, known.sha256
    return all(isinstance(text, str) for text in known) and {*map(len, digests)} <= {0, 64}


def _spans(pairs: Any, size: int) -> Spans:
    """The spans that were kept, if they lie in a file of that many bytes."""
    spans = tuple((start, end) for start, end in pairs)
    if not all(
        type(start) is type(end) is int and 0 <= start <= end <= size for start, end in spans
    ):
        raise ValueError("no spans")
    return spans


def judge_digest(policy: Allowlist) -> str:
    """What decides on findings besides the model: the tool and the list.

    Its waivers do not, nor where in which file it stands: a copy of a repository is known.
    """
    entries = {
        key: tuple(entry._replace(source="") for entry in rules)
        for key, rules in policy.entries.items()
    }
    denials = {key: denial._replace(source="") for key, denial in policy.denials.items()}
    return digest_of(policy._replace(entries=entries, denials=denials, waivers=()))


def signing_key() -> bytes | None:
    """What rows are signed with; None where no key is given.

    Raises:
        UsageError: it is so short that it could be guessed.
    """
    key = os.environ.get(KEY, "")
    if 0 < len(key) < KEY_LENGTH:
        raise UsageError(f"{KEY} has {len(key)} characters: make it one of {KEY_LENGTH} or more")
    return os.fsencode(key) or None


def in_ci() -> bool:
    """Whether a CI service says that this is one of its runs."""
    return any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in CI)


class Cache:
    """An open cache for the files below one root; without a database it knows and keeps nothing.

    With a key every row is signed, and one that is not is not there.
    """

    def __init__(
        self, database: sqlite3.Connection | None, root: str, key: bytes | None = None
    ) -> None:
        self._database = database
        self._key = key
        self._root = os.fsencode(root)  # a name need not be UTF-8
        self._opened = time.time_ns()
        self._today = int(time.time() // 86400)
        self._found: dict[tuple[str, str], Report | None] = {}
        self._files: dict[bytes, Known] = {}
        self._pending: list[tuple[str, tuple[object, ...]]] = []
        self._stale = False
        self.damaged = False
        select = "select path, state, digest, sha256, signature, day from files where root = ?"
        for path, state, digest, sha256, signature, day in self._ask(select, self._root):
            known = Known(state, digest, sha256)
            if not self._signed(signature, "files", self._root, path, *known):
                continue
            self.damaged |= not _is_sound(known)
            self._files[path] = known
            self._stale |= day != self._today

    def _signature(self, *row: object) -> str:
        """What only the key's holder can say of a table and the values of a row."""
        if self._key is None:
            return ""
        return hmac.digest(self._key, repr(row).encode(), "sha256").hex()

    def _signed(self, signature: object, *row: object) -> bool:
        if self._key is None:
            return True
        return hmac.compare_digest(repr(signature).encode(), repr(self._signature(*row)).encode())

    def _ask(self, statement: str, *values: object) -> list[Any]:
        """Run a statement; once one fails the cache is empty, and nothing is kept any more."""
        if self._database is None:
            return []
        import sqlite3

        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _give_up(self, error: sqlite3.Error) -> None:
        self.damaged = not _passes(error)
        if self._database is not None:
            self._database.close()
        self._database = None
        self._files.clear()
        self._found.clear()

    def _write(self, statement: str, *values: object) -> None:
        """Write soon: many rows at a time, so that no other check waits for long."""
        if self._database is not None:
            self._pending.append((statement, values))
            if len(self._pending) >= PENDING:
                self._flush()

    def _flush(self) -> None:
        import sqlite3

        statements: dict[str, list[tuple[object, ...]]] = {}
        for statement, values in self._pending:
            statements.setdefault(statement, []).append(values)
        self._pending.clear()
        self._ask("begin immediate")
        for statement, rows in statements.items():
            if self._database is not None:
                try:
                    self._database.executemany(statement, rows)
                except sqlite3.Error as error:
                    self._give_up(error)
        self._ask("commit")

    def known(self, path: str, state: str) -> Known:
        """What is known of a file if it is still in that state; nothing otherwise."""
        found = self._files.get(os.fsencode(path))
        return found if found is not None and found.state == state else Known(state, "", "")

    def spans(self, size: int) -> list[Spans]:
        """Where to look in a file of that many bytes to get its digest."""
        rows = self._ask("select spans, signature from structures where size = ?", size)
        try:
            return [
                _spans(json.loads(spans), size)
                for spans, signature in rows
                if self._signed(signature, "structures", size, spans)
            ]
        except (RecursionError, TypeError, ValueError):
            self.damaged = True
            return []

    def report(self, digest: str, judge: str) -> Report | None:
        """What was found in a model of that digest, as ``slim`` leaves it, without path and time.

        Args:
            digest: the model's, may be empty.
            judge: what judged it.
        """
        key = digest, judge
        if digest and key not in self._found:
            self._found[key] = self._read(*key)
        return self._found.get(key)

    def _read(self, digest: str, judge: str) -> Report | None:
        select = "select report, signature, day from results where digest = ? and judge = ?"
        rows = self._ask(select, digest, judge)
        if not rows:
            return None
        record, signature, day = rows[0]
        if not self._signed(signature, "results", digest, judge, record):
            return None
        if day != self._today:
            update = "update results set day = ? where digest = ? and judge = ?"
            self._write(update, self._today, digest, judge)
        try:
            return report_of(json.loads(record))
        except (RecursionError, TypeError, ValueError):
            self.damaged = True
            return None

    def keep_report(self, digest: str, spans: Spans, judge: str, report: Report) -> None:
        """Keep what was found in a model of that digest, which is that of those spans."""
        if self._database is None:
            return
        row = digest, judge, _packed(report)
        signature = self._signature("results", *row)
        self._write(
            "insert or replace into results values (?, ?, ?, ?, ?)", *row, signature, self._today
        )
        place = spans[-1][1], json.dumps(spans)
        signature = self._signature("structures", *place)
        self._write("insert or replace into structures values (?, ?, ?)", *place, signature)

    def keep_file(self, path: str, known: Known, changed: int) -> None:
        """Keep a file's digests, unless it changed so lately that it may again without a trace.

        What counts is how long it had rested when the check began: it is looked at later.

        Args:
            path: relative to the root.
            known: its state before it was read, and its digests.
            changed: when it last was, in nanoseconds since 1970.
        """
        key = os.fsencode(path)
        if self._files.get(key) == known or self._opened - changed < SETTLED:
            return
        self._files[key] = known
        row = self._root, key, *known
        signature = self._signature("files", *row)
        self._write(
            "insert or replace into files values (?, ?, ?, ?, ?, ?, ?)",
            *(*row, signature, self._today),
        )

    def close(self) -> None:
        """Write what was kept, forget what is old."""
        database = self._database
        if database is None:
            return
        if self._stale:
            self._write("update files set day = ? where root = ?", self._today, self._root)
            self._write("delete from files where day < ?", self._today - DAYS)
            self._write("delete from results where day < ?", self._today - DAYS)
        if self._pending:
            self._flush()
        database.close()


@contextmanager
def opened_cache(root: str, use: bool = True) -> Iterator[Cache]:
    """Give the cache of a root; a damaged database is made anew, a missing one is done without.

    Args:
        root: an absolute path.
        use: False gives an empty cache that keeps nothing; so does a run in CI without a key.

    Raises:
        UsageError: the key is too short.
    """
    key = signing_key() if use else None
    use = use and (key is not None or not in_ci())
    try:
        path = cache_folder() / FILE
    except RuntimeError:  # a user without a home
        path, use = Path(FILE), False
    cache_ = Cache(_connected(path) if use else None, root, key)
    if cache_.damaged:
        _remove(path)
        cache_ = Cache(_connected(path), root, key)
    try:
        yield cache_
    finally:
        cache_.close()
        if cache_.damaged:
            _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # of a folder that may not be written
        path.unlink()


def _connected(path: Path) -> sqlite3.Connection | None:
    try:
        import sqlite3
    except ImportError:  # a Python that was built without it
        return None
    for _ in range(2):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(path, timeout=5, isolation_level=None)
        except (OSError, sqlite3.Error):
            return None
        try:
            database.execute("pragma synchronous = off")  # what a power cut spoils is made anew
            database.executescript(_TABLES)
        except sqlite3.Error as error:
            database.close()
            if _passes(error):
                return None
            _remove(path)
        else:
            return database
    return None


def _passes(error: sqlite3.Error) -> bool:
    """Whether the database may be all right: another check writes it, or the disk is full."""
    import sqlite3

    passing = {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
    }
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # none: text is not UTF-8
    return code & 0xFF in passing  # the rest of the code says more
