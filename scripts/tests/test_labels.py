import pytest

from export import labels
from export.common import LABELS_FILE, Failure


def read(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return labels.read(path)


@pytest.mark.parametrize("name, text", [
    ("labels.txt", "cat\ndog\nhot dog\n"),
    ("labels.txt", "\ufeffcat\r\n dog \r\nhot dog\r\n\r\n"),
    ("labels.json", '["cat", "dog", "hot dog"]'),
    ("labels", ' ["cat", "dog", "hot dog"]'),
    ("labels.json", '{"1": "dog", "0": "cat", "2": "hot dog"}'),
    ("class_index.json", '{"0": ["n01", "cat"], "1": ["n02", "dog"], "2": ["n03", "hot dog"]}'),
    ("class_indices.json", '{"dog": 1, "cat": 0, "hot dog": 2}'),
    ("labels.csv", "0,cat\n1,dog\n2,hot dog\n"),
    ("labels.csv", "index,label\n2,hot dog\n0,cat\n1,dog\n"),
    ("labels.csv", 'cat\n"dog"\nhot dog\n'),
    ("labels.csv", "label\ncat\ndog\nhot dog\n"),
])  # fmt: skip
def test_every_form(tmp_path, name, text):
    assert read(tmp_path, name, text) == ["cat", "dog", "hot dog"]


def test_labels_that_are_numbers_keep_their_indices(tmp_path):
    assert read(tmp_path, "class_indices.json", '{"7": 0, "0": 1}') == ["7", "0"]


def test_two_labels_may_be_equal():
    assert labels.read(LABELS_FILE).count("crane") == 2


@pytest.mark.parametrize("name, text, sentence", [
    ("labels.txt", "", "holds no labels"),
    ("labels.json", "[]", "holds no labels"),
    ("labels.json", "{}", "holds no labels"),
    ("labels.csv", "\n", "holds no labels"),
    ("labels.txt", "cat\n\ndog\n", "an empty label at index 1"),
    ("labels.json", '["cat", 3]', "has 3 where label 1 is expected"),
    ("labels.json", '["cat"', "is not JSON"),
    ("labels.json", '"cat"', "neither an array nor an object"),
    ("labels.json", '{"0": "cat", "0": "dog"}', "has the index 0 twice"),
    ("labels.json", '{"0": "cat", "2": "dog"}', "no label for index 1"),
    ("labels.json", '{"cat": 1, "dog": 2}', "no label for index 0"),
    ("labels.json", '{"first": "cat"}', '"first" where the index'),
    ("labels.csv", "0,cat\n0,dog\n", "has the index 0 twice"),
    ("labels.csv", "0,cat\n2,dog\n", "no label for index 1"),
    ("labels.csv", "label,index\ncat,0\n", '"cat" where the index'),
    ("labels.csv", "0,cat,tabby\n1,dog\n", "rows of 2 and 3 columns"),
])  # fmt: skip
def test_what_is_no_list_of_labels_is_a_sentence(tmp_path, name, text, sentence):
    with pytest.raises(Failure, match=sentence) as failure:
        read(tmp_path, name, text)
    assert "\n" not in str(failure.value) and name in str(failure.value)


def test_a_file_that_is_missing_or_in_another_encoding(tmp_path):
    with pytest.raises(Failure, match="can't be read"):
        labels.read(tmp_path / "nowhere.txt")
    (tmp_path / "latin.txt").write_bytes("Bär\n".encode("latin-1"))
    with pytest.raises(Failure, match="not in UTF-8"):
        labels.read(tmp_path / "latin.txt")
