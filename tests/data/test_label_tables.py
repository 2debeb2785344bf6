"""Tables of labels as people have them: each image gets the label that was meant, or the row is named."""

import itertools
import re

import pytest
from PIL import Image

from presoftmax.data import list_images
from presoftmax.errors import DataError

NAMES = ("tabby cat", "Border-collie", "crane", "goldfish", "crane", "eel")
FILES = ("a.png", "b.jpg", "sub/c.png", "d e.png", "ü.png")
MEANT = {"a": 0, "b": 1, "sub/c": 3, "d e": 5, "ü": 3}


@pytest.fixture
def root(tmp_path):
    for name in FILES:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2)).save(path)
    return tmp_path / "photos"


def labels_of(root, content, class_names=None):
    table = root.parent / "labels.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {entry.id: entry.label for entry in list_images(root, table, class_names).entries}


def refused(root, content, class_names=None):
    with pytest.raises(DataError) as caught:
        labels_of(root, content, class_names)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def table(separator=",", end="\n", header=("file", "label"), rows=None):
    rows = [(f"{name}", MEANT[name.rpartition(".")[0]]) for name in FILES] if rows is None else rows
    lines = [header, *rows] if header else rows
    return end.join(separator.join(map(str, line)) for line in lines) + end


@pytest.mark.parametrize(
    ("separator", "end", "encoding", "header"),
    list(itertools.product(",;\t|", ("\n", "\r\n", "\r"), ("utf-8", "utf-8-sig", "utf-16"), (True, False))),
)
def test_any_separator_line_ending_and_encoding(root, separator, end, encoding, header):
    text = table(separator, end, ("file", "label") if header else None)
    assert labels_of(root, text.encode(encoding)) == MEANT


@pytest.mark.parametrize(
    "file",
    ["file", "Filename", "FILE NAME", "file_name", "image", "Image_ID", "ImageId", "path", "Image Path", "img", "id"],
)
@pytest.mark.parametrize(
    "label", ["label", "Label", "true_label", "TrueLabel", "True Label", "class", "CLASS_ID", "target", "y"]
)
def test_any_heading(root, file, label):
    assert labels_of(root, table(header=(file, label))) == MEANT
    turned = [(MEANT[name.rpartition(".")[0]], "x", name) for name in FILES]
    assert labels_of(root, table(header=(label, "more", file), rows=turned)) == MEANT


@pytest.mark.parametrize(
    "name",
    ["a.png", "./a.png", "a", "./a", " a.png ", '"a.png"', '" a.png"', "photos/a.png", "photos/a", ".\\a.png",
     "photos\\a.png", "A.PNG", "A", "a.PNG", "{root}/a.png", "{root}/a", "././a.png", "photos//a.png"],
)  # fmt: skip
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_way_to_name_a_file(root, name, separator):
    assert labels_of(root, f"file{separator}label\n{name.format(root=root)}{separator}3\n") == {"a": 3}


@pytest.mark.parametrize(
    "name", ["sub/c.png", "c.png", "c", "sub\\c.png", "./sub/c", "C.png", "photos/sub/c.png", "SUB/C"]
)
def test_a_file_in_a_folder(root, name):
    assert labels_of(root, f"file,label\n{name},3\n") == {"sub/c": 3}


@pytest.mark.parametrize(
    "label", ["3", "3.0", "3.", "3.000", " 3 ", '"3"', '"3.0"', "+3", "03", "goldfish", "Goldfish", " goldfish"]
)
def test_any_way_to_write_a_label(root, label):
    assert labels_of(root, f"file,label\na.png,{label}\n", NAMES) == {"a": 3}


@pytest.mark.parametrize("label", ["tabby cat", "tabby_cat", "Tabby Cat", "tabby-cat", "TABBY  CAT", '"tabby cat"'])
def test_the_name_of_a_class(root, label):
    assert labels_of(root, f"file,label\na.png,{label}\nb.jpg,border collie\n", NAMES) == {"a": 0, "b": 1}


def test_a_wordnet_id(root):
    pytest.importorskip("timm")
    assert labels_of(root, "file,label\na.png,n01440764\nb.jpg,n15075141\n") == {"a": 0, "b": 999}
    assert "labels.csv:2: 'n00000000': n00000000 is no class" in refused(root, "file,label\na.png,n00000000\n")
    assert "is not a whole number, nor a class name" in refused(root, "file,label\na.png,n01440764\n", NAMES)


@pytest.mark.parametrize(
    "content",
    [
        "\n\nfile,label\n\na.png,3\n\n\n",
        "file,label\n,\na.png,3\n , \n",
        "file,label\na.png,3\na.png,3\n./a.png,3.0\n",
        'file,label,note\na.png,3,"two\nlines"\n',
        'file,label\n"a.png","3"\n',
        "file, label\na.png, 3\n",
        "a.png,3\n",
        "a.png 3\n",
        "a.png\t3",
        "3;a.png",
        "file label\na.png 3\n",
        "a.png;3,0\n",
    ],
)
def test_blank_lines_doubled_rows_and_no_header(root, content):
    assert labels_of(root, content) == {"a": 3}


def test_a_list_as_imagenets_with_spaces_in_names(root):
    assert labels_of(root, "a.png 0\nd e.png 5\n") == {"a": 0, "d e": 5}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("file,label\na.png,1.7\n", "labels.csv:2: label '1.7' of 'a.png' is not a whole number"),
        ("file,label\na.png,\n", "labels.csv:2: label '' of 'a.png' is not a whole number"),
        ("file,label\na.png,nan\n", "labels.csv:2: label 'nan'"),
        ("file,label\na.png,1e1\n", "labels.csv:2: label '1e1'"),
        ("file,label\na.png,-1\n", "labels.csv:2: label -1 of 'a.png' is no class; classes are counted from 0"),
        (
            "file,label\na.png,6\n",
            r"label 6 .* out of range: .* classes 0 to 5 \(are they counted from 1\?\)",
        ),
        ("file,label\na.png,700\n", "label 700 of image 'a.png' is out of range: the model has classes 0 to 5$"),
        (
            "file,label\na.png,crane\n",
            "labels.csv:2: 'crane' is the name of the classes 2 and 4; give",
        ),
        ("file,label\na.png,whale\n", "label 'whale' of 'a.png' is not a whole number, nor a class name"),
        ("file,label\n\nnone.png,1\n", "labels.csv:3: no image 'none.png' in"),
        ("file,label\n,1\n", "labels.csv:2: no image '' in"),
        ("file,label\na.png,1\nb.jpg,2\n./a,3\n", "labels.csv:4: label 3 of './a', of which .*labels.csv:2 says 1"),
        ("file,label\na.png,1,7\n", "labels.csv:2: 3 columns, where the first row has 2; put names .* in quotes"),
        ("file,label\na, the first.png,1\n", "labels.csv:2: 3 columns, where the first row has 2"),
        ("a.png,1\nb.jpg,2,3\n", "labels.csv:2: 3 columns, where the first row has 2"),
        ("file,label\n", "labels.csv: no row below its header"),
        ("file;label\n\n ; \n", "labels.csv: no row below its header"),
        ("file,label\na.png,99999999999999999999\n", "labels.csv:2: label 9+ of 'a.png' is no class"),
        ("file,label\na.png\n", "labels.csv:2: 1 columns, where the first row has 2"),
        ('file,label\n"a"x,1\n', "labels.csv:2: not a CSV"),
        ("file\na.png\n", "no column of labels; expected one of label"),
        ("what,label\na.png,1\n", "no column of file names; expected one of file"),
        ("none.png,3\n", "no column of file names"),
        ("", "no column of file names"),
        (" \n\n", "no column of file names"),
        (b"file,label\n\xff\xfe\xfa.png,1\n", "not UTF-8 at byte 11; save it as CSV UTF-8"),
        (b"PK\x03\x04 an xlsx", r"not a CSV \(it is a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", r"not a CSV \(it is a Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", r"not a CSV \(it is an HTML page"),
        (b"\0" * 99, r"not a CSV \(it is nothing but zero bytes"),
    ],
)
def test_what_cannot_be_meant_is_named_by_its_row(root, content, words):
    assert re.search(words, refused(root, content, NAMES))


def test_two_images_of_one_name(root):
    Image.new("RGB", (2, 2)).save(root / "a.jpg")
    Image.new("RGB", (2, 2)).save(root / "sub" / "b.jpg")
    assert re.search(
        r"labels.csv:2: 'a' could be a\.(png|jpg) and a\.(png|jpg); write more", refused(root, "file,label\na,1\n")
    )
    assert labels_of(root, "file,label\na.png,1\na.jpg,2\n") == {"a.png": 1, "a.jpg": 2}
    assert labels_of(root, "file,label\nb.jpg,1\n") == {"b": 1}
    Image.new("RGB", (2, 2)).save(root / "sub" / "b.png")
    assert labels_of(root, "file,label\nsub/b.png,1\nb.jpg,2\n") == {"sub/b": 1, "b": 2}


@pytest.mark.parametrize("given", [3, [0, 1], b"labels.csv", {"a": 1}])
def test_what_is_no_table(root, given):
    with pytest.raises(TypeError, match="labels: expected a path, as text or as a Path, got"):
        list_images(root, given)
    with pytest.raises(TypeError, match="a folder of images: expected a path"):
        list_images(given)
