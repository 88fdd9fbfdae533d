"""Column files: which column is the token, which the tag, and what is neither."""

import pytest

from squeezebert.data import read_rows
from squeezebert.errors import DataError


def sentences(tmp_path, content, name="a.conll"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return [(row.values["tokens"], row.values.get("tags")) for row in read_rows(path)]


def test_token_and_tag_with_hashtags(tmp_path):
    """A token that starts with # is no comment."""
    content = "#Breaking\tB-ORG\nnews\tO\n\nBye\tO\n"
    assert sentences(tmp_path, content) == [(["#Breaking", "news"], ["B-ORG", "O"]), (["Bye"], ["O"])]


def test_only_hashtags(tmp_path):
    assert sentences(tmp_path, "#a\tO\n#b\tB-X\n") == [(["#a", "#b"], ["O", "B-X"])]


def test_tags_may_come_first(tmp_path):
    """As in the MIT corpora of films and restaurants."""
    content = "O\twhere\nO\tis\nB-Rating\tgood\nI-Rating\tfood\n\nO\t5\n"
    expected = [(["where", "is", "good", "food"], ["O", "O", "B-Rating", "I-Rating"]), (["5"], ["O"])]
    assert sentences(tmp_path, content) == expected


def test_index_token_tag(tmp_path):
    content = "0\tIn\tO\n1\t1999\tO\n2\tParis\tB-LOC\n\n0\tHi\tO\n"
    assert sentences(tmp_path, content) == [(["In", "1999", "Paris"], ["O", "O", "B-LOC"]), (["Hi"], ["O"])]


def test_numbers_as_tokens_are_no_index(tmp_path):
    assert sentences(tmp_path, "7\tCD\tO\n3\tCD\tO\n") == [(["7", "3"], ["O", "O"])]


def test_universal_ner_tag_before_the_annotator(tmp_path):
    first = "# sent_id = 1\n# text = In Tampa\n1\tIn\tO\t-\t-\n2\tTampa\tB-LOC\t-\tann\n\n"
    content = first + "# text = x\ty\n1\tOk\tO\t-\t-\n"
    assert sentences(tmp_path, content) == [(["In", "Tampa"], ["O", "B-LOC"]), (["Ok"], ["O"])]


def test_conll2003_with_documents_and_spaces(tmp_path):
    content = (
        "-DOCSTART- -X- -X- O\n\nEU NNP B-NP I-ORG\nrejects VBZ B-VP O\n-DOCSTART- -X- -X- O\n\n# # O O\n"
    )
    assert sentences(tmp_path, content) == [(["EU", "rejects"], ["I-ORG", "O"]), (["#"], ["O"])]


def test_spaced_comment_of_as_many_words_as_columns(tmp_path):
    assert sentences(tmp_path, "# one\nEU B-ORG\n# O\n") == [(["EU", "#"], ["B-ORG", "O"])]


def test_conllu_gives_parts_of_speech(tmp_path):
    rest = "\t_\t_\t0\troot\t_\tSpaceAfter=No\n"
    content = (
        f"# text = don't\n1-2\tdon't\t_\t_{rest}1\tdo\tdo\tAUX{rest}2\tn't\tnot\tPART{rest}2.1\tx\t_\tX{rest}"
    )
    assert sentences(tmp_path, content, "a.conllu") == [(["do", "n't"], ["AUX", "PART"])]


def test_tags_of_another_kind_are_the_last_column(tmp_path):
    assert sentences(tmp_path, "the DT\ncat NN\n", "a.bio") == [(["the", "cat"], ["DT", "NN"])]


def test_comments_between_tags_of_another_kind(tmp_path):
    content = "# newdoc\nAda NOUN\n# SYM\n#1 NUM\n\n# newpar\none NUM\n\n# NUM\n"
    assert sentences(tmp_path, content) == [
        (["Ada", "#", "#1"], ["NOUN", "SYM", "NUM"]), (["one"], ["NUM"]), (["#"], ["NUM"])
    ]  # fmt: skip


def test_tokens_alone(tmp_path):
    assert sentences(tmp_path, "the\ncat\n\nsat\n", "a.iob2") == [(["the", "cat"], None), (["sat"], None)]


def test_white_and_empty_tokens_keep_their_place(tmp_path):
    """The Broad Twitter Corpus has them; dropping one would shift the tags."""
    assert sentences(tmp_path, "a\tO\n \tO\n\tB-X\nb\xa0c\tO\n") == [
        (["a", " ", "", "b\xa0c"], ["O", "O", "B-X", "O"])
    ]


def test_blanks_that_do_not_break_are_part_of_a_word(tmp_path):
    """Else their second half would be a tag."""
    assert sentences(tmp_path, "10\u00a0000 O\n  Paris \t B-LOC \n") == [
        (["10\u00a0000", "Paris"], ["O", "B-LOC"])
    ]


def test_blanks_behind_a_tag_make_no_other_tag(tmp_path):
    assert sentences(tmp_path, "Anna\tB-PER \nin\tO\n") == [(["Anna", "in"], ["B-PER", "O"])]


def test_empty_columns_at_the_end_do_no_harm(tmp_path):
    assert sentences(tmp_path, "Anna\tB-PER\nin\tO\t\n") == [(["Anna", "in"], ["B-PER", "O"])]


@pytest.mark.parametrize("content", ["in O\nNew York B-LOC\n", "in\tO\nNew\tYork\tB-LOC\n"])
def test_more_columns_than_the_others(tmp_path, content):
    """A word with a blank would shift the tag."""
    with pytest.raises(
        DataError, match=r"a\.conll:2: has 3 columns where 2 are expected; a word with blanks"
    ):
        sentences(tmp_path, content)


def test_place_is_the_first_line_of_the_sentence(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("\n\na O\nb O\n\n\nc O\n")
    assert [row.where for row in read_rows(path)] == [f"{path}:3", f"{path}:7"]


def test_entities_without_prefixes_go_before_chunks_with_them(tmp_path):
    content = "Anna NNP B-NP PER\nmet VBD B-VP O\nOslo NNP B-NP LOC\n"
    assert sentences(tmp_path, content) == [(["Anna", "met", "Oslo"], ["PER", "O", "LOC"])]


def test_one_wrong_tag_makes_no_other_column_the_tags(tmp_path):
    content = 9 * "Anna NNP B-NP B-PER\nmet VBD B-VP O\n\n" + "met VBD B-VP 0\n"
    with pytest.raises(DataError, match=r"a\.conll:28: '0' is no tag, such as O or B-PER are"):
        sentences(tmp_path, content)


def test_a_hashtag_with_an_empty_column_behind_it_is_a_word(tmp_path):
    content = "#MeToo\tB-MISC\t\nyes\tO\nno\tO\n"
    assert sentences(tmp_path, content) == [(["#MeToo", "yes", "no"], ["B-MISC", "O", "O"])]


def test_layout_holds_beyond_the_sample(tmp_path):
    content = "word\tO\n\n" * 2000 + "last\tB-X\n"
    found = sentences(tmp_path, content)
    assert len(found) == 2001
    assert found[-1] == (["last"], ["B-X"])


def test_missing_tag(tmp_path):
    with pytest.raises(DataError, match=r"a\.conll:2: has 1 columns where 2 are needed"):
        sentences(tmp_path, "a\tO\nb\n\nc\tO\n")


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n\n-DOCSTART- O\n"])
def test_no_sentence(tmp_path, content):
    with pytest.raises(DataError, match="holds no rows"):
        sentences(tmp_path, content)
