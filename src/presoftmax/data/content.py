"""What a file that cannot be read is instead, in words: what people have where they meant to have something else."""

from pathlib import Path

__all__ = ["describe_content"]

_HEAD = 1024
_HOW_IT_BEGINS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; fetch it: git lfs pull"),
    (b"\x93NUMPY", "a NumPy array (.npy)"),
    (b"PK\x03\x04", "a zip archive (.npz, .pt)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"\x1f\x8b", "compressed by gzip; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"MATLAB", "a MATLAB file"),
)


def describe_content(path: Path) -> str | None:
    """What the file is by how it begins: empty, a Git LFS pointer, an HTML page, text; None where that says nothing.

    It is asked once reading has failed, so a right beginning means that the rest is damaged.
    """
    try:
        if path.is_dir():
            return "a folder"
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    if not head:
        return "an empty file (was a download or a copy cut off?)"
    if not any(head):
        return "nothing but zero bytes (was a download or a copy cut off?)"
    for beginning, what in _HOW_IT_BEGINS:
        if head.startswith(beginning):
            return what
    return _describe_text(head)


def _describe_text(head: bytes) -> str | None:
    if b"\0" in head:
        return None
    try:
        # The last letter may have been cut in two.
        text = head.decode("utf-8-sig", errors="ignore" if len(head) == _HEAD else "strict").lstrip()
    except UnicodeDecodeError:
        return None
    beginning = text[:200].lower()
    if beginning.startswith(("<!doctype", "<html", "<?xml", "<head")):
        return "an HTML page, not the file itself; download it again, from the link to the raw file"
    if any(ord(letter) < 32 and letter not in "\t\r\n\f" for letter in text):
        return None
    return f"text, beginning with {text.splitlines()[0][:40]!r}" if text else "nothing but white space"
