"""Identity of a run."""

from vggsearch.testing.fake import run_key


def test_a_changed_copy_of_a_key_has_a_digest_of_its_own():
    key = run_key(seed=1)
    assert key.digest == run_key(seed=1).digest
    assert key.model_copy(update={"seed": 2}).digest == run_key(seed=2).digest != key.digest


def test_where_the_data_set_is_found_is_no_part_of_it():
    assert run_key(script="points=3").digest == run_key().digest
