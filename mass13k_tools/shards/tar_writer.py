"""A tar that is the same to the byte for the same members, hashed while it is written."""

import hashlib
import tarfile
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, NamedTuple

BLOCK = tarfile.BLOCKSIZE  # every header and content starts on one
MODE = 0o644


class Span(NamedTuple):
    """Where the content of a member lies in its tar."""

    offset: int
    size: int


class TarWriter:
    """Writes members one after the other; time, owner and mode are always the same.

    Headers are plain ustar; a name that ustar cannot hold (not ASCII, or long) gets one in PAX.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._hasher = ThreadPoolExecutor(1)  # hashing takes as long as all the rest
        self._hashed: Future[None] | None = None
        self.bytes = 0

    def add(self, name: str, content: bytes) -> Span:
        """Append a member.

        Args:
            name: Its name in the tar.
            content: Its bytes.

        Returns:
            Where its content lies.
        """
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), MODE
        self._append(member.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
        span = Span(self.bytes, len(content))
        self._append(content)
        self._append(bytes(-len(content) % BLOCK))
        return span

    def close(self) -> str:
        """Write the end of the tar.

        Returns:
            The SHA-256 of all its bytes, in hexadecimal.
        """
        self._append(bytes(2 * BLOCK))
        self._append(bytes(-self.bytes % tarfile.RECORDSIZE))
        self.stop()
        return self._hash.hexdigest()

    def stop(self) -> None:
        """End the thread that hashes; also when something went wrong."""
        self._hasher.shutdown(cancel_futures=False)

    def _append(self, content: bytes) -> None:
        if self._hashed is not None:  # at most one content waits, so memory stays bounded
            self._hashed.result()
        self._hashed = self._hasher.submit(self._hash.update, content)
        self._file.write(content)
        self.bytes += len(content)
