"""The order in which locations are searched: the user's folder, the cache, the Debian package's folder."""

import shutil

import pytest

from vggsearch.data import locate
from vggsearch.data.locations import find_files, search_locations
from vggsearch.errors import DataError


def copy_to(tiny, folder):
    shutil.copytree(tiny.folder, folder)
    return folder


def test_the_user_s_folder_comes_first_then_the_cache(tiny, tmp_path, cache):
    assert locate("tiny") is None
    ours = copy_to(tiny, cache / "tiny")
    assert locate("tiny") == ours
    theirs = copy_to(tiny, tmp_path / "mine")
    assert locate("tiny", theirs) == theirs
    assert locate("tiny", tmp_path) == ours


def test_debian_s_folder_comes_last(tiny, monkeypatch, tmp_path, cache):
    from dataclasses import replace

    from vggsearch.data import catalog

    monkeypatch.setattr(catalog, "CATALOG", {"tiny": replace(tiny.entry, debian="dataset-tiny")})
    system = copy_to(tiny, tmp_path / "system" / "tiny")
    assert locate("tiny") == system
    ours = copy_to(tiny, cache / "tiny")
    assert locate("tiny") == ours


@pytest.mark.parametrize("sub", ["MNIST/raw", "tiny", "."])
def test_a_user_s_folder_may_be_laid_out_as_torchvision_s_as_debian_s_or_flat(tiny, tmp_path, sub):
    folder = copy_to(tiny, tmp_path / "mine" / sub)
    assert locate("tiny", tmp_path / "mine") == folder


def test_a_folder_counts_only_if_it_has_all_files_of_the_part(tiny):
    (tiny.folder / "t10k-labels-idx1-ubyte").unlink()
    assert find_files(tiny.entry, "train", tiny.folder) is not None
    assert find_files(tiny.entry, "test", tiny.folder) is None
    assert locate("tiny", tiny.folder) is None


def test_a_bare_file_that_cannot_be_checked_is_not_used(tiny):
    from dataclasses import replace

    unchecked = tuple(replace(file, sha256=None, md5="0" * 32) for file in tiny.entry.train)
    entry = replace(tiny.entry, train=unchecked)
    assert find_files(entry, "train", tiny.folder) is None
    tiny.compress()
    assert find_files(entry, "train", tiny.folder) is not None


def test_a_data_folder_that_is_not_there_is_refused(tiny, tmp_path):
    with pytest.raises(DataError) as caught:
        search_locations(tiny.entry, tmp_path / "nowhere")
    assert str(caught.value) == (
        f"a data folder must exist, and {tmp_path / 'nowhere'} does not: "
        "create it, or leave out --data-dir (VGGSEARCH_DATA)"
    )
